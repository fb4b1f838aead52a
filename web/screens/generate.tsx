import { useEffect, useRef, useState } from 'preact/hooks'
import { isBusy } from '../data/paid-call.ts'
import { Form } from '../parts/form.tsx'
import { Heading } from '../parts/heading.tsx'
import { PaidProgress } from '../parts/paid-progress.tsx'
import { QuoteLine } from '../parts/quote-line.tsx'
import { storedCall, usePaidCall } from '../parts/use-paid-call.ts'
import { useQuote } from '../parts/use-quote.ts'
import { Variants } from '../parts/variants.tsx'
import { has, type Studio } from '../studio.ts'
import { GenerateFields } from './generate-fields.tsx'
import {
  argumentsOf,
  emptyForm,
  fitted,
  type GenerateForm,
  type GeneratingModel,
  modelOf,
  problemOf,
  readDraft,
  writeDraft,
} from './generate-form.ts'

export interface GenerateScreenProps {
  studio: Studio
  /** A job of the chat that is followed. */
  jobId?: string | undefined
  /** Filled in, instead of the draft's. */
  prompt?: string | undefined
}

/** Prompt and settings, the price before, the progress, and what was generated. */
export function GenerateScreen({ studio, jobId, prompt }: GenerateScreenProps) {
  const words = studio.texts.generate
  const model = modelOf(emptyForm, studio.service)
  return (
    <section class="screen generate">
      <Heading text={words.title} />
      {!has(studio, 'get_job') ? (
        <p>{words.noLibrary}</p>
      ) : model === undefined ? (
        <p>{words.noModel}</p>
      ) : (
        <Generate studio={studio} jobId={jobId} prompt={prompt} model={model} />
      )}
    </section>
  )
}

function Generate({ studio, jobId, prompt, model: byDefault }: GenerateScreenProps & { model: GeneratingModel }) {
  const { service, drafts, texts, announce, select } = studio
  const words = texts.generate
  const [form, setForm] = useState<GenerateForm>(() => fitted({ ...emptyForm, prompt: prompt ?? '' }, byDefault))
  /** Nothing is stored before the draft is there: it would be lost. */
  const [isLoaded, setLoaded] = useState(false)
  const results = useRef<HTMLDivElement>(null)
  const [stored] = useState(() => storedCall(studio))
  const [state, call] = usePaidCall(studio, 'generate_image')
  const model = modelOf(form, service) ?? byDefault
  const problem = problemOf(form, model)
  // The price does not depend on the words, so that it is there before they are, and not every one of them is a call.
  const priced = problem === 'size' ? undefined : argumentsOf({ ...form, prompt: 'price' }, model, service)
  const quote = useQuote(studio, 'generate_image', priced)

  useEffect(() => {
    const restore = async () => {
      const draft = readDraft(await drafts.load())
      if (draft !== undefined) {
        const model = modelOf(draft.form, service)
        // What was written while the draft was loading stays.
        setForm((now) => (now.prompt === '' && model !== undefined ? fitted(draft.form, model) : now))
      }
      setLoaded(true)
      const snapshot = jobId === undefined ? (draft?.call ?? stored) : { jobId }
      if (snapshot !== undefined && call.state.name === 'idle') await call.restore(snapshot)
    }
    void restore()
  }, [drafts, service, jobId, stored, call])

  useEffect(() => {
    if (!isLoaded) return
    drafts.store(undefined, writeDraft({ form, call: call.snapshot }))
    // So that the very same call can be sent again if this page closes before its job is known.
    if (state.name === 'sending') void drafts.flush()
  }, [isLoaded, form, state, call, drafts])

  useEffect(() => {
    if (state.name !== 'done') return
    announce(words.ready(state.images.length))
    results.current?.scrollIntoView({ block: 'nearest' })
    const [image] = state.images
    if (image !== undefined && state.images.length === 1) select(image)
  }, [state, announce, select, words])

  const submit = () => {
    if (problem === undefined) void call.submit(argumentsOf(form, model, service))
    else announce(words.problems[problem])
  }

  return (
    <div class="generate-columns">
      <Form onSubmit={submit}>
        <GenerateFields studio={studio} form={form} model={model} onChange={setForm} />
        {problem !== undefined && problem !== 'no-prompt' && <p class="failed">{words.problems[problem]}</p>}
        <QuoteLine studio={studio} state={quote} />
        <div class="actions">
          <button type="button" class="primary" aria-disabled={problem !== undefined || isBusy(state)} onClick={submit}>
            {state.name === 'done' ? words.again : words.submit}
          </button>
        </div>
      </Form>
      <div ref={results}>
        <PaidProgress studio={studio} state={state} call={call} />
        {state.name === 'done' && <Variants studio={studio} images={state.images} text={state.text} />}
      </div>
    </div>
  )
}
