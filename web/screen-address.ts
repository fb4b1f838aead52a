import type { Screen } from './screen.ts'

/** Screens as fragments of the page's address, so that a reload and the browser's buttons lead to them. */

/** `#edit/img_…`; what a fragment is never longer for, such as a prompt, is not in it. */
export function fragmentOf(screen: Screen): string {
  const { name } = screen
  if (name === 'compare') return `#compare/${screen.before}/${screen.after}`
  return 'id' in screen ? `#${name}/${screen.id}` : `#${name}`
}

/** @returns undefined: the fragment is none of a screen */
export function screenAt(fragment: string): Screen | undefined {
  const [name, ...ids] = fragment.replace(/^#/, '').split('/')
  const [id, other] = ids.filter((each) => /^img_[0-9a-z]{26}$/.test(each))
  if (name === 'gallery' || name === 'generate') return { name }
  if (id === undefined) return undefined
  if (name === 'viewer' || name === 'edit' || name === 'history') return { name, id }
  return name === 'compare' && other !== undefined ? { name, before: id, after: other } : undefined
}
