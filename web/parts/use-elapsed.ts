import { useEffect, useState } from 'preact/hooks'

const STEP_MS = 500

/** Milliseconds since a time of `performance.now()`, twice a second. @param since undefined: stopped */
export function useElapsed(since: number | undefined): number {
  const [now, setNow] = useState(() => performance.now())
  useEffect(() => {
    if (since === undefined) return
    setNow(performance.now())
    const timer = setInterval(() => setNow(performance.now()), STEP_MS)
    return () => clearInterval(timer)
  }, [since])
  return since === undefined ? 0 : Math.max(0, now - since)
}
