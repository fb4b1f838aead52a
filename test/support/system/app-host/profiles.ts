import type { McpUiHostCapabilities, McpUiHostContext } from '@modelcontextprotocol/ext-apps/app-bridge'

/** How a host frames an app: what it permits, and what it serves. */
export interface HostProfile {
  /** Content security policy of the app's frame. */
  policy: string
  /** Attribute of the frame. */
  sandbox: string
  /** The app's document, as the host changes it. */
  wrap(html: string): string
  capabilities: McpUiHostCapabilities
  displayModes: NonNullable<McpUiHostContext['availableDisplayModes']>
  /** Whether the arguments of the tool call come before its result. */
  sendsInput: boolean
}

const policyOf = (directives: Record<string, string>) =>
  Object.entries({ 'default-src': "'none'", 'object-src': "'none'", ...directives })
    .map(([name, value]) => `${name} ${value}`)
    .join('; ')

/** After the start of the head, which the studio's document has once. */
const intoHead = (html: string, markup: string) => html.replace(/<head[^>]*>/i, (head) => `${head}${markup}`)

const anything = { text: {}, image: {}, resource: {}, resourceLink: {}, structuredContent: {} }
const bare: HostProfile = {
  policy: policyOf({
    'script-src': "'self' 'unsafe-inline'",
    'style-src': "'self' 'unsafe-inline'",
    'img-src': "'self' data:",
    'media-src': "'self' data:",
    'connect-src': "'none'",
  }),
  sandbox: 'allow-scripts allow-same-origin',
  wrap: (html) => html,
  capabilities: {},
  displayModes: ['inline'],
  sendsInput: true,
}

/**
 * VS Code replaces the parent of its web view by an object that passes messages on, which is also the source of every
 * message: https://github.com/microsoft/vscode, chatMcpAppModel.ts.
 */
const replacedParent = `<script>{
  const outer = window.parent
  const stand = { postMessage: (message) => outer.postMessage(message, '*') }
  const add = window.addEventListener.bind(window)
  window.addEventListener = (type, listener, options) =>
    add(type, type !== 'message' ? listener : (event) => listener(new Proxy(event, {
      get: (target, name) => (name === 'source' && target.source === outer ? stand : Reflect.get(target, name)),
    })), options)
  Object.defineProperty(window, 'parent', { value: stand, configurable: true })
}</script>`

export const profiles = {
  /** https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx, "Host Behavior" */
  specification: {
    ...bare,
    capabilities: { openLinks: {}, serverTools: {}, serverResources: {}, logging: {}, message: { text: {} } },
    displayModes: ['inline', 'fullscreen'],
  },
  /** MCP Inspector 2.12, sandbox-csp.ts: nothing is permitted that was not declared, and the document has no origin. */
  inspector: {
    ...bare,
    policy: policyOf({
      'connect-src': "'none'",
      'script-src': "'unsafe-inline'",
      'style-src': "'unsafe-inline'",
      'img-src': "'none'",
      'font-src': "'none'",
      'media-src': "'none'",
      'frame-src': "'none'",
      'base-uri': "'self'",
      'form-action': "'none'",
      'worker-src': "'none'",
    }),
    sandbox: 'allow-scripts allow-forms',
    wrap: (html) => `<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>${html}</body></html>`,
    capabilities: { openLinks: {}, downloadFile: {}, serverTools: {}, serverResources: {}, logging: {} },
    displayModes: ['inline', 'fullscreen'],
    sendsInput: false,
  },
  vscode: {
    ...bare,
    policy: policyOf({
      'script-src': "'self' 'unsafe-inline'",
      'style-src': "'self' 'unsafe-inline'",
      'connect-src': "'self'",
      'img-src': "'self' data:",
      'font-src': "'self'",
      'media-src': "'self' data:",
      'frame-src': "'none'",
      'base-uri': "'self'",
    }),
    sandbox: 'allow-scripts allow-same-origin allow-forms',
    wrap: (html) => intoHead(html, replacedParent),
    capabilities: {
      ...{ openLinks: {}, downloadFile: {}, serverTools: {}, serverResources: {}, logging: {} },
      updateModelContext: { text: {}, image: {} },
    },
  },
  claude: {
    ...bare,
    policy: policyOf({
      'script-src': "'self' 'unsafe-inline' 'unsafe-eval' blob: data:",
      'style-src': "'self' 'unsafe-inline' blob: data:",
      'img-src': "'self' data: blob:",
      'font-src': "'self' data:",
      'media-src': "'self' data: blob:",
      'connect-src': "'self'",
      'worker-src': "'self' blob:",
    }),
    capabilities: {
      ...{ openLinks: {}, serverTools: {}, serverResources: {}, logging: {} },
      updateModelContext: anything,
      message: anything,
    },
    displayModes: ['inline', 'fullscreen'],
  },
  /** Draws apps, and serves them nothing. */
  bare,
} satisfies Record<string, HostProfile>

export type ProfileName = keyof typeof profiles
