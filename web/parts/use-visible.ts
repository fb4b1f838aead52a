import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'

/** How far outside of what is seen something counts as visible. */
const MARGIN = '200px'

/** Whether an element is visible, or nearly. */
export function useVisible(element: RefObject<Element | null>): boolean {
  const [isVisible, setVisible] = useState(false)
  useEffect(() => {
    if (element.current === null) return
    const observer = new IntersectionObserver((entries) => setVisible(entries.at(-1)?.isIntersecting === true), {
      rootMargin: MARGIN,
    })
    observer.observe(element.current)
    return () => observer.disconnect()
  }, [element])
  return isVisible
}
