import { useEffect, useRef } from 'preact/hooks'

/** The heading of a screen. It gets the focus when the screen opens, so that screen readers start there. */
export function Heading({ text }: { text: string }) {
  const element = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    element.current?.focus({ preventScroll: true })
    // The screen before may have been scrolled; either the page scrolls, or the frame of a host.
    element.current?.closest('.studio')?.scrollTo(0, 0)
    scrollTo(0, 0)
  }, [])
  return (
    <h1 ref={element} tabIndex={-1}>
      {text}
    </h1>
  )
}
