import { render } from 'preact'
import { App } from './app.tsx'
import type { Bridge, HostContext } from './bridge/bridge.ts'
import { connectHost } from './bridge/host-bridge.ts'
import { createPageBridge, endpointOf } from './bridge/page-bridge.ts'
import { applyContext } from './context-styles.ts'
import { createKeyQuestions, type KeyQuestions } from './key-questions.ts'
import { pageAbilities } from './page-abilities.ts'
import { languageOf, textsOf } from './texts/texts.ts'

/** The version of the bundle; its build writes it. */
declare const STUDIO_VERSION: string

const root = document.getElementById('studio')
const { app: texts } = textsOf[languageOf(navigator.language)]

/** Hosts show an empty frame if a script fails, so that every failure is written into the page. */
function showFailure(sentence: string): void {
  if (root === null || root.childElementCount > 0) return
  const text = document.createElement('p')
  text.setAttribute('role', 'alert')
  text.textContent = sentence
  root.replaceChildren(text)
}

const darkScheme = matchMedia('(prefers-color-scheme: dark)')

const browserContext = (): HostContext => ({
  theme: darkScheme.matches ? 'dark' : 'light',
  locale: navigator.language,
  displayMode: 'inline',
  displayModes: [],
  variables: {},
})

async function openInHost(): Promise<Bridge> {
  const { parent } = window
  const bridge = await connectHost(
    {
      // The host's origin is not known, and nothing in a message is secret from the frame's owner.
      post: (message) => parent.postMessage(message, '*'),
      listen: (receive) =>
        addEventListener('message', ({ source, data }) => {
          if (source === parent) receive(data)
        }),
    },
    STUDIO_VERSION,
    browserContext(),
  )
  new ResizeObserver(() => {
    const { width, height } = document.documentElement.getBoundingClientRect()
    if (bridge.context.displayMode === 'inline') bridge.reportSize(Math.ceil(width), Math.ceil(height))
  }).observe(document.documentElement)
  return bridge
}

function openInPage(questions: KeyQuestions): Bridge {
  const bridge = createPageBridge({
    url: endpointOf(location.href),
    fetch: (...request) => fetch(...request),
    context: browserContext(),
    abilities: pageAbilities,
    askKey: questions.ask,
  })
  darkScheme.addEventListener('change', () => bridge.setContext(browserContext()))
  return bridge
}

async function start(): Promise<void> {
  if (root === null) return
  // The newest of what the studio needs. Without it, images would seem to be damaged, and buttons would do nothing.
  if (!('fromBase64' in Uint8Array)) return showFailure(texts.tooOld)
  addEventListener('error', () => showFailure(texts.crashed))
  const questions = createKeyQuestions()
  // The page of the service may not be framed, so that a frame is one of a host.
  const isInHost = window.parent !== window
  try {
    const bridge = isInHost ? await openInHost() : openInPage(questions)
    applyContext(bridge.context)
    bridge.onContext(applyContext)
    render(<App bridge={bridge} questions={questions} />, root)
  } catch {
    showFailure(isInHost ? texts.notConnected : texts.crashed)
  }
}

void start()
