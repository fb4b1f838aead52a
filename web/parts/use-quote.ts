import { useEffect, useState } from 'preact/hooks'
import type { StudioQuote } from '../../schemas/studio.ts'
import type { ToolArguments } from '../bridge/bridge.ts'
import { isAborted } from '../bridge/studio-error.ts'
import { sleep } from '../data/sleep.ts'
import type { PaidTool } from '../data/studio-data.ts'
import type { Studio } from '../studio.ts'

/** Undefined: it is not known yet. @property isStale the arguments have changed since */
export type QuoteState = { quote: StudioQuote; isStale: boolean } | { error: unknown } | undefined

/** So that not every letter of a prompt is a call. */
const PAUSE_MS = 600

/**
 * Price and expected wait of a call, some time after its arguments have changed.
 * @param args undefined: the call is not complete yet. They are compared by their JSON
 */
export function useQuote({ data }: Studio, tool: PaidTool, args: ToolArguments | undefined): QuoteState {
  const [state, setState] = useState<QuoteState>()
  const text = args === undefined ? undefined : JSON.stringify(args)
  useEffect(() => {
    // The last price stays until the next one is there, so that the line does not flicker while a prompt is written.
    setState((last) =>
      text !== undefined && last !== undefined && 'quote' in last ? { ...last, isStale: true } : undefined,
    )
    if (text === undefined) return
    const abort = new AbortController()
    const load = async () => {
      await sleep(PAUSE_MS, abort.signal)
      setState({ quote: await data.quote(tool, JSON.parse(text), abort.signal), isStale: false })
    }
    load().catch((error) => {
      if (!abort.signal.aborted && !isAborted(error)) setState({ error })
    })
    return () => abort.abort()
  }, [data, tool, text])
  return state
}
