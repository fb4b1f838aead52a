import { useEffect, useMemo, useState } from 'preact/hooks'
import { createPaidCall, type PaidCall, type PaidSnapshot, type PaidState, readSnapshot } from '../data/paid-call.ts'
import { sleep } from '../data/sleep.ts'
import type { PaidTool } from '../data/studio-data.ts'
import { has, type Studio } from '../studio.ts'

/** A paid call of a screen, with its state. The call is given up, and its job goes on, when the screen is closed. */
export function usePaidCall(studio: Studio, tool: PaidTool): [PaidState, PaidCall] {
  const { data } = studio
  const [state, setState] = useState<PaidState>({ name: 'idle' })
  const call = useMemo(
    () =>
      createPaidCall({
        data,
        tool,
        onState: setState,
        newKey: () => `studio-${crypto.getRandomValues(new Uint8Array(16)).toHex()}`,
        sleep,
        now: () => performance.now(),
      }),
    [data, tool],
  )
  useEffect(() => () => call.reset(), [call])
  const { snapshot } = call
  const jobId = snapshot !== undefined && 'jobId' in snapshot ? snapshot.jobId : undefined
  const isStored = storesJob(studio)
  useEffect(() => {
    if (isStored && jobId !== undefined) history.replaceState({ jobId }, '')
  }, [isStored, jobId])
  return [state, call]
}

/**
 * Where the service stores no drafts, the job of a screen stands in its entry of the browser's history: without that a reload
 * would lose what was paid for, because nobody lists images there either.
 */
export const storedCall = (studio: Studio): PaidSnapshot | undefined =>
  storesJob(studio) ? readSnapshot(history.state) : undefined

/** Frames of hosts have no history of their own. */
const storesJob = (studio: Studio): boolean => studio.mode === 'page' && !has(studio, 'studio_draft')
