type ConsoleMethod = 'warn' | 'error' | 'trace' | 'log' | 'info' | 'debug'

export const stderrMethods = ['warn', 'error', 'trace'] as const
export const stdoutMethods = ['log', 'info', 'debug'] as const

/** Reports only that a library wrote to the console: the text may contain anything, secrets too. */
export function redirectConsole(methods: readonly ConsoleMethod[], report: (method: ConsoleMethod) => void): void {
  for (const method of methods) console[method] = () => report(method)
}
