/** Tells when the published list of tools has changed. */
export interface ToolChanges {
  /** @param read the list as a client gets it @returns what ends it */
  watch(read: () => { readonly text: string }, onChanged: () => void): () => void
}

/**
 * Compares the list with the one before, since what it depends on (the policy, the routes of deployments) changes in many
 * places. Nothing is compared while no one watches, and an unchanged list is the same object.
 * @param everyMs milliseconds between two looks
 */
export function watchTools(everyMs: number): ToolChanges {
  const looks = new Set<() => void>()
  let timer: NodeJS.Timeout | undefined

  function lookAll(): void {
    for (const look of looks) look()
  }

  return {
    watch(read, onChanged) {
      let seen = read()
      function look(): void {
        const now = read()
        const isChanged = now !== seen && now.text !== seen.text
        seen = now
        if (isChanged) onChanged()
      }
      looks.add(look)
      timer ??= setInterval(lookAll, everyMs).unref()
      return () => {
        looks.delete(look)
        if (looks.size > 0) return
        clearInterval(timer)
        timer = undefined
      }
    },
  }
}
