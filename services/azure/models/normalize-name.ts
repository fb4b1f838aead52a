/** A name in lower case, with one dash for dots, dashes and underscores, which people use interchangeably. */
export function normalizeName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[._-]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}
