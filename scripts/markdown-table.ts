/** Cells of one row; the first is its name, the last its meaning. */
export type Row = readonly [string, ...string[]]

export const code = (text: string) => `\`${text}\``
