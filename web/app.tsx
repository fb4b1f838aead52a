import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { StudioImage, StudioService } from '../schemas/studio.ts'
import type { Bridge, ToolResult } from './bridge/bridge.ts'
import { isAborted } from './bridge/studio-error.ts'
import { imageIdsIn } from './bridge/tool-result.ts'
import { createBitmaps } from './data/bitmaps.ts'
import { createDrafts } from './data/drafts.ts'
import { createStudioData } from './data/studio-data.ts'
import { EditorScreen } from './editor/editor.tsx'
import type { KeyQuestions } from './key-questions.ts'
import { screenOf } from './navigation.ts'
import { ErrorBoundary } from './parts/error-boundary.tsx'
import { KeyDialog } from './parts/key-dialog.tsx'
import { Messages } from './parts/messages.tsx'
import { TopBar } from './parts/top-bar.tsx'
import { CompareScreen } from './screens/compare.tsx'
import { GalleryScreen } from './screens/gallery.tsx'
import { GenerateScreen } from './screens/generate.tsx'
import { HistoryScreen } from './screens/history.tsx'
import { ViewerScreen } from './screens/viewer.tsx'
import { has, type Screen, type Studio, startScreen } from './studio.ts'
import { errorText } from './texts/error-text.ts'
import { formatSize } from './texts/format.ts'
import { languageOf, textsOf } from './texts/texts.ts'
import { useWay } from './use-way.ts'

/**
 * The studio around its screens. Where to look:
 * - `studio.ts`: what a screen gets (`studio`), and the screens there are
 * - `bridge/`: how calls reach the service, and what the host can; `data/`: typed calls, decoded images, paid calls
 * - `texts/`: every sentence, a file a screen, English and Chinese; `format.ts`: prices, dates, sizes
 * - `parts/`: what several screens use: `ImageView`, `useBitmap`, `usePaidCall`, `useQuote`, `Dialog`, `CostDialog`, `Heading`
 * - `screens/`, `editor/`: a file a screen, with a `.css` of its name beside it; `style.css` is for all
 * Modules `*.ts` without the DOM are tested by Node (test/web), the rest by a real browser (test/web/*.system.ts).
 */
export function App({ bridge, questions }: { bridge: Bridge; questions: KeyQuestions }) {
  const [context, setContext] = useState(bridge.context)
  useEffect(() => bridge.onContext(setContext), [bridge])
  const language = languageOf(context.locale)
  const texts = textsOf[language]
  const [service, setService] = useState<StudioService>()
  const [failure, setFailure] = useState<unknown>()
  const data = useMemo(() => createStudioData(bridge), [bridge])

  const load = useCallback(() => {
    setFailure(undefined)
    data.service().then(setService, setFailure)
  }, [data])
  useEffect(load, [load])

  return (
    <div
      class="studio"
      lang={language === 'zh' ? 'zh-CN' : 'en'}
      data-mode={bridge.mode}
      data-display={context.displayMode}
    >
      {service !== undefined && (
        <Screens bridge={bridge} service={service} data={data} context={context} language={language} texts={texts} />
      )}
      {service === undefined && failure === undefined && (
        <p class="screen" role="status">
          {texts.app.loading}
        </p>
      )}
      {failure !== undefined && (
        <section class="screen" role="alert">
          <p>
            {texts.app.startFailed} {errorText(failure, texts)}
          </p>
          <button type="button" onClick={load}>
            {texts.app.retry}
          </button>
        </section>
      )}
      <KeyDialog questions={questions} texts={texts} />
    </div>
  )
}

type ScreensProps = Pick<Studio, 'service' | 'data' | 'context' | 'language' | 'texts'> & { bridge: Bridge }

function Screens({ bridge, service, data, context, language, texts }: ScreensProps) {
  const bitmaps = useMemo(() => createBitmaps(data), [data])
  const drafts = useMemo(() => createDrafts(data, has({ service }, 'studio_draft')), [data, service])
  useEffect(() => {
    const onHide = () => void drafts.flush()
    bridge.onTeardown(drafts.flush)
    document.addEventListener('visibilitychange', onHide)
    return () => document.removeEventListener('visibilitychange', onHide)
  }, [bridge, drafts])
  const [spoken, setSpoken] = useState('')
  const [error, setError] = useState<unknown>()
  const [note, setNote] = useState<string>()
  const closeNote = useCallback(() => setNote(undefined), [])
  const closeError = useCallback(() => setError(undefined), [])
  const start = startScreen({ service })
  const [way, navigation] = useWay({ start, hasAddress: bridge.mode === 'page', onChange: closeError })
  const current = useRef({ texts })
  current.current = { texts }

  const actions = useMemo(
    () => ({
      ...navigation,
      announce: setSpoken,
      fail: (thrown: unknown) => {
        if (!isAborted(thrown)) setError(thrown)
      },
      notify: (sentence: string) => {
        setNote(sentence)
        setSpoken(sentence)
      },
      select: (image: StudioImage) => {
        const { app } = current.current.texts
        // A host that cannot take it now is no failure of the studio.
        bridge.abilities.updateModelContext?.(app.selected(image.id, formatSize(image))).catch(() => {})
      },
    }),
    [bridge, navigation],
  )

  const studio: Studio = useMemo(
    () => ({
      ...actions,
      mode: bridge.mode,
      abilities: bridge.abilities,
      service,
      data,
      bitmaps,
      drafts,
      context,
      texts,
      language,
    }),
    [actions, bridge, service, data, bitmaps, drafts, context, texts, language],
  )
  useEffect(() => bridge.onOpenedWith((result) => openedWith(result, actions.navigate)), [bridge, actions])

  return (
    <>
      <TopBar studio={studio} screen={screenOf(way)} isStart={way.length === 1} />
      <Messages
        texts={texts}
        error={error === undefined ? undefined : errorText(error, texts)}
        note={note}
        onCloseError={closeError}
        onCloseNote={closeNote}
      />
      <main>
        <ErrorBoundary texts={texts} onReopen={() => navigation.replace(start)}>
          <CurrentScreen key={JSON.stringify(screenOf(way))} studio={studio} screen={screenOf(way)} />
        </ErrorBoundary>
      </main>
      <p class="visually-hidden" aria-live="polite">
        {spoken}
      </p>
    </>
  )
}

function CurrentScreen({ studio, screen }: { studio: Studio; screen: Screen }) {
  switch (screen.name) {
    case 'gallery':
      return <GalleryScreen studio={studio} />
    case 'viewer':
      return <ViewerScreen studio={studio} id={screen.id} />
    case 'generate':
      return <GenerateScreen studio={studio} jobId={screen.jobId} prompt={screen.prompt} />
    case 'edit':
      return <EditorScreen studio={studio} id={screen.id} />
    case 'compare':
      return <CompareScreen studio={studio} before={screen.before} after={screen.after} />
    case 'history':
      return <HistoryScreen studio={studio} id={screen.id} />
  }
}

/** The call in the chat for which the host opened the studio: its job, or the image that it generated. */
function openedWith({ isError, meta, text }: ToolResult, navigate: (screen: Screen) => void): void {
  if (isError || meta.list !== undefined) return
  const [id] = imageIdsIn(text)
  if (meta.job !== undefined && meta.job.images === undefined) navigate({ name: 'generate', jobId: meta.job.id })
  else if (id !== undefined) navigate({ name: 'viewer', id })
}
