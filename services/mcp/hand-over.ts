/** Who asks, for the decision when a call is handed over. */
interface Client {
  /** As it introduces itself; undefined: it does not. */
  name: string | undefined
  /** Whether it speaks MCP and therefore knows tools, unlike a plain `curl`. */
  isMcp: boolean
}

/** Milliseconds after which a call becomes a job whose id the client gets; undefined: it waits for the result. */
export type HandOverRule = (client: Client) => number | undefined

/**
 * Clients that give up early, without regard to progress, by the beginning of their names in lower case, and when they get a
 * job id: claude.ai, Claude Desktop and Claude for Android end a call after 45 to 60 s (measured by other servers, see
 * docs/clients.md), GitHub Copilot CLI after 60 s.
 */
const EARLY_CLIENTS: readonly (readonly [name: string, afterMs: number])[] = [
  ['claude-ai', 35_000],
  ['anthropic/', 35_000],
  ['github-copilot', 45_000],
  ['copilot-cli', 45_000],
]

/** @param setting milliseconds for every MCP client, or `auto`: only for those that are known to give up early */
export function handOverRule(setting: number | 'auto'): HandOverRule {
  return ({ name, isMcp }) => {
    if (setting !== 'auto') return isMcp ? setting : undefined
    const known = name?.toLowerCase()
    return EARLY_CLIENTS.find(([start]) => known?.startsWith(start))?.[1]
  }
}
