/** A place in the studio. There is no address bar in a host, so that the way back is kept in memory (navigation.ts). */
export type Screen =
  | { name: 'gallery' }
  | { name: 'viewer'; id: string }
  /** @property jobId a job of the chat that is followed; `prompt` is filled in */
  | { name: 'generate'; jobId?: string; prompt?: string }
  | { name: 'edit'; id: string }
  | { name: 'compare'; before: string; after: string }
  | { name: 'history'; id: string }
