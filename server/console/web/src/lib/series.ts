// How the lines of a chart look: told apart without colour, too.
export const colours = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5', '--series-6'];
export const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3], [4, 4], [1, 2]];
