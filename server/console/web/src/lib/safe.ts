// What devices and peers have sent is shown as text. Characters that a reader would not see, or that turn the text
// around them, stand as their escapes.

// Controls (also line ends), zero width and bidirectional marks, line separators, tags, variation selectors, fillers,
// private use, lone surrogates, noncharacters' neighbours (BOM, interlinear annotation).
const hidden =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ue000-\uf8ff]|[\u{e0000}-\u{e0fff}]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

export interface Piece {
  text: string;
  escaped: boolean;
}

export function escapeOf(character: string): string {
  const known: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  return known[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

/** `lines`: line ends and tabs stay, for text in a <pre>. */
export function piecesOf(text: string, { lines = false } = {}): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(hidden)) {
    if (lines && (match[0] === '\n' || match[0] === '\t')) continue;
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), escaped: false });
    pieces.push({ text: escapeOf(match[0]), escaped: true });
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), escaped: false });
  return pieces;
}

/** As one string, for titles and labels. */
export function visible(text: string): string {
  return piecesOf(text)
    .map((piece) => piece.text)
    .join('');
}

/** Cut between characters, never within one. */
export function cut(text: string, max: number): { text: string; rest: number } {
  if (text.length <= max) return { text, rest: 0 };
  const last = text.charCodeAt(max - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? max - 1 : max;
  return { text: text.slice(0, end), rest: text.length - end };
}
