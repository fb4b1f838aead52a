import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import { isBusy } from '../data/paid-call.ts'
import { Heading } from '../parts/heading.tsx'
import { PaidProgress } from '../parts/paid-progress.tsx'
import { storedCall, usePaidCall } from '../parts/use-paid-call.ts'
import { MissingImage } from '../screens/missing-image.tsx'
import type { Studio } from '../studio.ts'
import { coverage } from './coverage.ts'
import { brushRange, nextBrushSize } from './cursor.ts'
import { type Draft, readDraft, writeDraft } from './draft.ts'
import {
  chosenModel,
  type EditChoices,
  editArguments,
  editModels,
  initialChoices,
  keepsOutside,
} from './edit-arguments.ts'
import type { Tool } from './live-stroke.ts'
import { RectangleFields } from './rectangle-fields.tsx'
import { RequestForm } from './request-form.tsx'
import { Results } from './results.tsx'
import { Stage } from './stage.tsx'
import type { MaskOperation } from './strokes.ts'
import { PixelSlider, Toolbar } from './toolbar.tsx'
import { type Mask, useMask } from './use-mask.ts'

interface Loaded {
  image: StudioImage
  draft: Draft | undefined
}

/** Loads the image's facts and the draft, then opens the editor. */
export function EditorScreen({ studio, id }: { studio: Studio; id: string }) {
  const [loaded, setLoaded] = useState<Loaded>()
  const [failure, setFailure] = useState<unknown>()
  const { data, drafts } = studio
  useEffect(() => {
    const abort = new AbortController()
    Promise.all([data.image(id, abort.signal), drafts.load(id)]).then(
      ([image, text]) => {
        if (!abort.signal.aborted) setLoaded({ image, draft: text === undefined ? undefined : readDraft(text) })
      },
      (error) => {
        if (!abort.signal.aborted) setFailure(error)
      },
    )
    return () => abort.abort()
  }, [data, drafts, id])
  return (
    <section class="screen editor">
      <Heading text={studio.texts.editor.title} />
      {failure !== undefined && <MissingImage studio={studio} error={failure} />}
      {loaded === undefined && failure === undefined && <p role="status">{studio.texts.editor.loadingImage}</p>}
      {loaded !== undefined && <Editor studio={studio} image={loaded.image} draft={loaded.draft} />}
    </section>
  )
}

interface EditorProps {
  studio: Studio
  image: StudioImage
  draft: Draft | undefined
}

function Editor({ studio, image, draft }: EditorProps) {
  const texts = studio.texts.editor
  const range = useMemo(() => brushRange(image), [image])
  const mask = useMask(draft?.operations ?? [])
  const [choices, setChoices] = useState<EditChoices>(draft?.choices ?? initialChoices)
  const [tool, setTool] = useState<Tool>('brush')
  const [size, setSize] = useState(range.initial)
  const [isMaskShown, setMaskShown] = useState(true)
  const [before] = useState(() => draft?.call ?? storedCall(studio))
  const [state, call] = usePaidCall(studio, 'edit_image')
  const models = useMemo(() => editModels(studio.service), [studio.service])
  const feather = keepsOutside(choices, chosenModel(models, choices.model)) ? choices.feather : 0
  const selection = useSelection(studio, image, mask)
  const change = useCallback((changes: Partial<EditChoices>) => setChoices((before) => ({ ...before, ...changes })), [])
  const { select, announce, notify, fail } = studio

  const edited = useMemo(
    (): Draft => ({ choices, operations: mask.operations, call: call.snapshot }),
    // The snapshot changes with the state.
    [choices, mask.operations, call, state],
  )
  useDraftStore(studio, image.id, edited, state.name === 'sending')
  useEffect(() => select(image), [select, image])
  useEffect(() => {
    if (draft !== undefined) notify(texts.restored)
    if (before !== undefined && call.state.name === 'idle') call.restore(before).catch(fail)
  }, [draft, before, call, notify, fail])
  useEffect(() => {
    if (state.name !== 'done') return
    announce(texts.doneSpoken(state.images.length))
    const [first] = state.images
    if (first !== undefined) select(first)
  }, [state, announce, select])

  function addOperation(operation: MaskOperation): void {
    setMaskShown(true)
    mask.add(operation)
  }

  function takeBack(): void {
    announce(mask.canUndo ? texts.undone : texts.nothingToUndo)
    mask.undo()
  }

  function repeat(): void {
    if (mask.canRedo) announce(texts.redone)
    mask.redo()
  }

  function resizeBrush(direction: 1 | -1): void {
    const next = nextBrushSize(size, direction, range)
    setSize(next)
    announce(texts.brushSize(next))
  }

  useUndoKeys(takeBack, repeat)

  return (
    <div class="editor-columns">
      <div class="editor-stage">
        <Toolbar
          studio={studio}
          mask={{ ...mask, add: addOperation }}
          tool={tool}
          onTool={setTool}
          onUndo={takeBack}
          onRedo={repeat}
        />
        <Stage
          studio={studio}
          image={image}
          operations={mask.operations}
          tool={tool}
          size={size}
          feather={feather}
          isMaskShown={isMaskShown}
          onMaskShown={setMaskShown}
          onOperation={addOperation}
          onSize={resizeBrush}
        />
      </div>
      <div class="editor-panel">
        <SelectionNote studio={studio} mask={mask} selection={selection} />
        <PixelSlider
          studio={studio}
          label={texts.size}
          value={size}
          min={range.min}
          max={range.max}
          onChange={setSize}
        />
        <RectangleFields studio={studio} image={image} onOperation={addOperation} />
        <RequestForm
          studio={studio}
          image={image}
          models={models}
          choices={choices}
          hasMask={mask.operations.length > 0}
          isBusy={isBusy(state)}
          onChange={change}
          onSubmit={() => call.submit(editArguments(image.id, choices, models, mask.operations)).catch(fail)}
        />
        <PaidProgress studio={studio} state={state} call={call} />
        {state.name === 'done' && <Results studio={studio} before={image.id} images={state.images} text={state.text} />}
      </div>
    </div>
  )
}

/**
 * @param draft the same object as long as nothing changed: to write a mask as text takes time
 * @param isUrgent so that the very same call can be sent again if this page closes before its job is known
 */
function useDraftStore({ drafts, notify, texts }: Studio, id: string, draft: Draft, isUrgent: boolean): void {
  const text = useMemo(() => writeDraft(draft), [draft])
  const isEmpty = draft.operations.length === 0 && draft.choices.prompt === '' && draft.call === undefined
  const first = useRef<{ text: string | undefined } | undefined>({ text })
  const isTooLarge = text === undefined
  useEffect(() => {
    // What was not touched is not stored: it would take the place of what another window stored.
    if (text === undefined || text === first.current?.text) return
    first.current = undefined
    drafts.store(id, isEmpty ? '' : text)
    if (isUrgent) void drafts.flush()
  }, [drafts, id, text, isEmpty, isUrgent])
  useEffect(() => {
    if (isTooLarge) notify(texts.editor.draftTooLarge)
  }, [isTooLarge, notify])
}

/** Ctrl or Cmd with Z and Y, wherever the focus is but in a text field, which has its own. */
function useUndoKeys(takeBack: () => void, repeat: () => void): void {
  const current = useRef({ takeBack, repeat })
  current.current = { takeBack, repeat }
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || isTextField(event.target)) return
      const key = event.key.toLowerCase()
      if (key === 'z' && !event.shiftKey) current.current.takeBack()
      else if (key === 'y' || key === 'z') current.current.repeat()
      else return
      event.preventDefault()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
}

const isTextField = (target: EventTarget | null): boolean =>
  target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.type === 'number')

/** Milliseconds after the last stroke, because it is counted cell by cell. */
const countAfter = 200

/** @returns the share of the image that is selected; undefined: it is being counted */
function useSelection(
  { announce, texts, language }: Studio,
  image: StudioImage,
  { operations }: Mask,
): number | undefined {
  const [counted, setCounted] = useState<{ operations: readonly MaskOperation[]; share: number }>()
  const isFirst = useRef(true)
  useEffect(() => {
    const timer = setTimeout(() => {
      const share = coverage(operations, image)
      setCounted({ operations, share })
      if (!isFirst.current) announce(texts.editor.selected(percentOf(share, language)))
      isFirst.current = false
    }, countAfter)
    return () => clearTimeout(timer)
  }, [operations, image, announce])
  return counted?.operations === operations ? counted.share : undefined
}

const percentOf = (share: number, language: Studio['language']): string =>
  new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: share > 0 && share < 0.1 ? 1 : 0 }).format(
    share,
  )

interface SelectionNoteProps {
  studio: Studio
  mask: Mask
  selection: number | undefined
}

/** What is selected, and what about it may not be meant. */
function SelectionNote({ studio, mask: { operations, warning }, selection }: SelectionNoteProps) {
  const texts = studio.texts.editor
  const state =
    operations.length === 0
      ? texts.noMask
      : selection === 0
        ? texts.erasedMask
        : selection === 1
          ? texts.wholeMask
          : undefined
  const limit =
    warning === undefined ? undefined : warning.name === 'near' ? texts.nearLimit(warning.percent) : texts[warning.name]
  const share =
    selection === undefined || state !== undefined ? undefined : texts.selected(percentOf(selection, studio.language))
  return (
    <div class="selection">
      <p class={operations.length === 0 ? 'soft' : undefined}>{state ?? share ?? '…'}</p>
      {limit !== undefined && <p role="alert">{limit}</p>}
    </div>
  )
}
