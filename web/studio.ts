import type { StudioImage, StudioService } from '../schemas/studio.ts'
import type { HostAbilities, HostContext } from './bridge/bridge.ts'
import type { Bitmaps } from './data/bitmaps.ts'
import type { Drafts } from './data/drafts.ts'
import type { StudioData } from './data/studio-data.ts'
import type { Screen } from './screen.ts'
import type { Language, Texts } from './texts/texts.ts'

export type { Screen } from './screen.ts'

/**
 * What every screen gets, as its prop `studio`. A screen calls the service by `data` and nothing else; shows what it shows by
 * `texts`; and reports failures that it does not show itself by `fail`. The object changes when the host's context or the
 * service's facts change; its functions stay the same, so that they may stand in lists of dependencies.
 */
export interface Studio {
  readonly mode: 'host' | 'page'
  /** What the service and its models can. Offer only what stands there: `has(studio, 'delete_image')`. */
  readonly service: StudioService
  readonly data: StudioData
  readonly bitmaps: Bitmaps
  /** What a person has begun. It is stored also when the host closes the studio. */
  readonly drafts: Drafts
  /** What the program around the studio can. Offer only what is there. */
  readonly abilities: HostAbilities
  readonly context: HostContext
  readonly texts: Texts
  readonly language: Language
  /** Opens a screen; `back()` returns to this one. The heading of the new screen gets the focus. */
  readonly navigate: (screen: Screen) => void
  /** To the screen before; from the first screen to the start screen. */
  readonly back: () => void
  /** Opens a screen in place of this one. */
  readonly replace: (screen: Screen) => void
  /** Has screen readers say a sentence. Nothing is shown. */
  readonly announce: (sentence: string) => void
  /** Shows a failure above the screen until it is closed. What was aborted is not shown. */
  readonly fail: (error: unknown) => void
  /** Shows a sentence above the screen for some seconds, and announces it. */
  readonly notify: (sentence: string) => void
  /** Makes an image the one that the chat's model means by "this image". Hosts without that ability ignore it. */
  readonly select: (image: StudioImage) => void
}

/** Whether this caller may use a tool. */
export const has = ({ service }: Pick<Studio, 'service'>, tool: string): boolean => service.tools.includes(tool)

/** The start screen: without authentication nobody lists images, so that there is no gallery. */
export const startScreen = (studio: Pick<Studio, 'service'>): Screen =>
  has(studio, 'find_images') ? { name: 'gallery' } : { name: 'generate' }
