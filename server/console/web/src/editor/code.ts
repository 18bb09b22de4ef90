// JSON editors, loaded when the first is shown. Each lives in a shadow root: its styles are adopted sheets there, which a
// content security policy without inline styles lets pass.
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json, jsonParseLinter } from '@codemirror/lang-json';
import {
  bracketMatching,
  defaultHighlightStyle,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  syntaxHighlighting,
  syntaxTree,
} from '@codemirror/language';
import { linter, lintGutter, lintKeymap, type Diagnostic } from '@codemirror/lint';
import { MergeView } from '@codemirror/merge';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view';
import type { SyntaxNode } from '@lezer/common';
import { tags } from '@lezer/highlight';
import type { Json } from '../lib/json';
import { brokenRules, type RuleBroken } from '../lib/twin_rules';

export interface Editor {
  text: () => string;
  set: (text: string) => void;
  focus: () => void;
  destroy: () => void;
}

export interface EditorOptions {
  text: string;
  label: string;
  readOnly?: boolean;
  rules?: Record<RuleBroken['rule'], string>; // of a section of a twin
  onChange?: (text: string) => void;
  onSave?: () => void;
}

const colours = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: '0.875rem' },
  '&.cm-focused': { outline: '3px solid var(--focus)', outlineOffset: '-3px' },
  '.cm-content': { fontFamily: 'var(--mono)', caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--raised)', color: 'var(--muted)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'transparent' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--accent) 30%, transparent) !important',
  },
  '.cm-tooltip, .cm-panels': { backgroundColor: 'var(--raised)', color: 'var(--text)', border: '1px solid var(--edge)' },
  '.cm-panels input, .cm-panels button': {
    color: 'var(--text)',
    backgroundColor: 'var(--surface)',
    backgroundImage: 'none',
    border: '1px solid var(--edge)',
  },
  '.cm-searchMatch': { backgroundColor: 'color-mix(in srgb, var(--warn) 30%, transparent)' },
  '.cm-specialChar': { color: 'var(--bad)' },
  '.cm-foldPlaceholder': { backgroundColor: 'var(--raised)', color: 'var(--text)' },
});

const highlight = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--series-1)' },
  { tag: tags.string, color: 'var(--series-3)' },
  { tag: tags.number, color: 'var(--series-2)' },
  { tag: [tags.bool, tags.null], color: 'var(--series-4)' },
]);

/** Where the value at `path` stands in the text. */
function placeOf(state: EditorState, path: string[]): { from: number; to: number } {
  let node: SyntaxNode | null = syntaxTree(state).topNode.firstChild;
  let found = node ? { from: node.from, to: node.to } : { from: 0, to: state.doc.length };
  for (const key of path) {
    if (!node) break;
    let next: SyntaxNode | null = null;
    if (node.name === 'Array') {
      let at = Number(key);
      for (let child = node.firstChild; child; child = child.nextSibling) {
        if (['[', ']', ','].includes(child.name)) continue;
        if (at-- === 0) {
          next = child;
          break;
        }
      }
    } else {
      for (const property of node.getChildren('Property')) {
        const name = property.getChild('PropertyName');
        if (!name) continue;
        try {
          if (JSON.parse(state.sliceDoc(name.from, name.to)) !== key) continue;
        } catch {
          continue;
        }
        found = { from: name.from, to: name.to };
        next = property.lastChild;
      }
    }
    node = next;
  }
  return { from: found.from, to: Math.max(found.to, found.from) };
}

function rulesLinter(words: Record<RuleBroken['rule'], string>): (view: EditorView) => Diagnostic[] {
  return (view) => {
    let value: Json;
    try {
      value = JSON.parse(view.state.doc.toString()) as Json;
    } catch {
      return [];
    }
    return brokenRules(value).map(({ path, rule }) => ({ ...placeOf(view.state, path), severity: 'error', message: words[rule] }));
  };
}

function basics(label: string): Extension[] {
  return [
    lineNumbers(),
    foldGutter(),
    highlightSpecialChars(),
    history(),
    drawSelection(),
    bracketMatching(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    search({ top: true }),
    syntaxHighlighting(highlight),
    syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
    json(),
    EditorView.lineWrapping,
    colours,
    EditorView.contentAttributes.of({ 'aria-label': label }),
  ];
}

export function mountEditor(host: HTMLElement, options: EditorOptions): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open', delegatesFocus: true });
  // Tab types no character: it moves on, so that the keyboard is never caught.
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        ...basics(options.label),
        keymap.of([
          {
            key: 'Mod-s',
            run: () => {
              options.onSave?.();
              return true;
            },
          },
          ...searchKeymap,
          ...historyKeymap,
          ...foldKeymap,
          ...lintKeymap,
          ...defaultKeymap,
        ]),
        EditorState.readOnly.of(options.readOnly === true),
        linter(jsonParseLinter(), { delay: 250 }),
        ...(options.rules ? [linter(rulesLinter(options.rules), { delay: 250 })] : []),
        lintGutter(),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange?.(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    set: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

/** Two texts side by side, with what differs marked. */
export function mountDifference(
  host: HTMLElement,
  a: { text: string; label: string },
  b: { text: string; label: string },
): { destroy: () => void } {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open', delegatesFocus: true });
  const side = ({ text, label }: { text: string; label: string }) => ({
    doc: text,
    extensions: [...basics(label), EditorState.readOnly.of(true), keymap.of([...searchKeymap, ...defaultKeymap])],
  });
  const view = new MergeView({ root, parent: root, a: side(a), b: side(b), collapseUnchanged: { margin: 2, minSize: 6 } });
  return {
    destroy: () => {
      view.destroy();
      root.replaceChildren();
    },
  };
}
