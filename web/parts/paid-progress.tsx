import { useEffect, useId } from 'preact/hooks'
import type { PaidCall, PaidState } from '../data/paid-call.ts'
import { has, type Studio } from '../studio.ts'
import { errorText } from '../texts/error-text.ts'
import { formatDuration } from '../texts/format.ts'
import { CostDialog } from './cost-dialog.tsx'
import { useElapsed } from './use-elapsed.ts'

export interface PaidProgressProps {
  studio: Studio
  state: PaidState
  call: PaidCall
}

/** How a paid call is going: the question about its price, its progress, its failure with what to do. Nothing while idle or done. */
export function PaidProgress({ studio, state, call }: PaidProgressProps) {
  const { texts, announce } = studio
  const words = texts.app.progress
  const { name } = state
  useEffect(() => {
    if (name === 'sending') announce(words.sending)
    if (name === 'done') announce(words.done)
  }, [name, announce, words])
  if (state.name === 'sending') return <Progress label={words.sending} />
  if (state.name === 'running') return <Running studio={studio} state={state} call={call} />
  if (state.name === 'failed') {
    return (
      <div class="message error" role="alert">
        <p>{failureText(state, studio)}</p>
        {state.canResend && (
          <button type="button" onClick={() => void call.resend()}>
            {words.resend}
          </button>
        )}
      </div>
    )
  }
  return <CostDialog studio={studio} state={state} onConfirm={() => void call.agree()} onCancel={call.reset} />
}

function failureText({ error, canResend }: Extract<PaidState, { name: 'failed' }>, { texts }: Studio): string {
  const { lost } = texts.app.progress
  if (!canResend) return errorText(error, texts)
  return error.kind === 'offline' ? lost : `${errorText(error, texts)} ${lost}`
}

type RunningProps = PaidProgressProps & { state: Extract<PaidState, { name: 'running' }> }

function Running({ studio, state: { job, since, at, isOffline }, call }: RunningProps) {
  const { texts, language, fail, notify } = studio
  const words = texts.app.progress
  const elapsed = useElapsed(since)
  const rest = job.remainingMs === undefined ? undefined : Math.max(0, job.remainingMs - (since + elapsed - at))
  const restText = rest === undefined || rest < 1000 ? undefined : formatDuration(rest, language)
  const label = isOffline ? words.offline : words[job.state === 'queued' ? 'queued' : 'running'](restText)
  const cancel = () => call.cancel().then(notify, fail)
  return (
    <div class="progress">
      <Progress label={label} share={rest === undefined ? undefined : elapsed / Math.max(1, elapsed + rest)} />
      {has(studio, 'cancel_job') && (
        <button type="button" onClick={cancel}>
          {words.cancel}
        </button>
      )}
    </div>
  )
}

/** @param share from 0 to 1; absent: unknown */
function Progress({ label, share }: { label: string; share?: number | undefined }) {
  const id = useId()
  return (
    <div class="grow">
      <label for={id}>{label}</label>
      <progress id={id} max={1} value={share === undefined ? undefined : Math.min(0.98, share)} />
    </div>
  )
}
