// What the page's main thread does while something goes on, task by task, in its own CPU time: that is what the page costs,
// however busy the machine is with other things.
'use strict';

const categories = ['disabled-by-default-devtools.timeline', 'loading'];
const frame_ms = 1000 / 60;
const long_task_ms = 50; // from here on a person notices (W3C Long Tasks)

// -> { tasks: [ms], total_ms, longest_ms, until_paint_ms }. One trace at a time; no other page of `browser` is at work.
async function traced(browser, page, work) {
  await browser.browser.startTracing(page, { categories });
  await work();
  const { traceEvents: events } = JSON.parse(await browser.browser.stopTracing());
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const sum = (tasks) => tasks.reduce((all, { tdur }) => all + tdur, 0);
  const [busiest] = threads
    .map(({ pid, tid }) => events.filter((event) => event.name === 'RunTask' && event.pid === pid && event.tid === tid && event.tdur !== undefined))
    .sort((a, b) => sum(b) - sum(a));
  if (!busiest?.length) throw new Error('the trace holds no task of the page');
  const paint = events.find(({ name, pid }) => name === 'firstContentfulPaint' && pid === busiest[0].pid);
  const tasks = busiest.map(({ tdur }) => tdur / 1000);
  return {
    tasks,
    total_ms: sum(busiest) / 1000,
    longest_ms: Math.max(...tasks),
    until_paint_ms: paint && sum(busiest.filter(({ ts }) => ts < paint.ts)) / 1000,
  };
}

module.exports = { frame_ms, long_task_ms, traced };
