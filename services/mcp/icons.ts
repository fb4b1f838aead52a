import type { Icon } from '../calls/types.ts'
import { smallIcon } from '../tools/icons.ts'
import type { Features } from './features.ts'

/** The icons of an entry of a list, where the revision has any. */
export function iconsOf({ icons = smallIcon }: { icons?: readonly Icon[] }, { hasIcons }: Features) {
  return hasIcons ? { icons } : {}
}
