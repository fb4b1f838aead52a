import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { backward, forward, popped, replaced, type Way } from './navigation.ts'
import { fragmentOf, screenAt } from './screen-address.ts'
import type { Screen, Studio } from './studio.ts'

export interface WayOptions {
  start: Screen
  /** The screens are steps of the browser's history. Frames of hosts have none of their own. */
  hasAddress: boolean
  /** Before another screen is shown. */
  onChange(): void
}

/** The way through the studio, and how to go on. The functions stay the same. */
export function useWay({
  start,
  hasAddress,
  onChange,
}: WayOptions): [Way, Pick<Studio, 'navigate' | 'replace' | 'back'>] {
  const [way, setWay] = useState<Way>(() => [(hasAddress ? screenAt(location.hash) : undefined) ?? start])
  const current = useRef({ way, start })
  current.current = { way, start }

  const navigation = useMemo(() => {
    const go = (change: (way: Way) => Way) => {
      onChange()
      setWay(change)
    }
    return {
      go,
      navigate(screen: Screen) {
        if (hasAddress) history.pushState(null, '', fragmentOf(screen))
        go((way) => forward(way, screen))
      },
      replace(screen: Screen) {
        if (hasAddress) history.replaceState(null, '', fragmentOf(screen))
        go((way) => replaced(way, screen))
      },
      back() {
        const { way, start } = current.current
        // The browser reports when it has gone back.
        if (hasAddress && way.length > 1) history.back()
        else go((way) => backward(way, start))
      },
    }
  }, [hasAddress, onChange])

  useEffect(() => {
    if (!hasAddress) return
    const onPop = () => navigation.go((way) => popped(way, screenAt(location.hash) ?? current.current.start))
    addEventListener('popstate', onPop)
    return () => removeEventListener('popstate', onPop)
  }, [hasAddress, navigation])

  return [way, navigation]
}
