import type { StudioImage } from '../../schemas/studio.ts'
import type { ToolArguments } from '../bridge/bridge.ts'
import { isObject, objectOf } from '../bridge/json.ts'
import { mayPass, StudioError, toStudioError } from '../bridge/studio-error.ts'
import { imageIdsIn } from '../bridge/tool-result.ts'
import type { FollowedJob, PaidTool, StudioData, Submission } from './studio-data.ts'

/** Where a paid call stands. */
export type PaidState =
  | { name: 'idle' }
  /** On its way to the service. */
  | { name: 'sending' }
  /** The person has to agree to the price: `agree()` or `reset()`. `text` is the service's sentence. */
  | { name: 'confirming'; usd: number | undefined; text: string }
  /**
   * @property since when it began, by the clock of `now`
   * @property at when the job was asked for last, likewise
   * @property isOffline the connection is lost; the job goes on, and so do the attempts to ask for it
   */
  | { name: 'running'; job: FollowedJob; since: number; at: number; isOffline: boolean }
  /** @property images in order; empty: the service returned none, and `text` says why */
  | { name: 'done'; jobId: string; images: readonly StudioImage[]; text: string }
  /** @property canResend `resend()` sends the very same call, or follows its job again: nothing is paid twice */
  | { name: 'failed'; error: StudioError; canResend: boolean }

/**
 * What has to outlive a reload, for a draft: the job; or, as long as that is not known, the arguments with their key, so that
 * the very same call can be sent again.
 */
export type PaidSnapshot = { jobId: string } | { args: ToolArguments }

/** Reads a snapshot from a draft. @returns undefined: it is none */
export function readSnapshot(value: unknown): PaidSnapshot | undefined {
  const { jobId, args } = objectOf(value)
  if (typeof jobId === 'string') return { jobId }
  return isObject(args) && typeof args.idempotency_key === 'string' ? { args } : undefined
}

export interface PaidCallOptions {
  data: Pick<StudioData, 'submit' | 'job' | 'image' | 'cancelJob'>
  tool: PaidTool
  onState(state: PaidState): void
  /** Random, at least 128 bits. */
  newKey(): string
  /** Milliseconds. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  now(): number
}

/**
 * One paid call at a time: its key, the confirmation of its price, its job, and what to do when a response is lost. The same
 * key stays with a submission until the person submits another, so that nothing is paid twice.
 */
export interface PaidCall {
  /** Nothing happens while another call is on its way. */
  submit(args: ToolArguments): Promise<void>
  /** Agrees to the price, once. */
  agree(): Promise<void>
  /** After a failure with `canResend`. */
  resend(): Promise<void>
  /** Follows a job of an earlier session; a call without a known job is sent only if the person calls `resend()`. */
  restore(snapshot: PaidSnapshot): Promise<void>
  /**
   * Asks the service to cancel the job; what is at Azure already is paid for, and its image is stored.
   * @returns the service's sentence about it
   * @throws StudioError
   */
  cancel(): Promise<string>
  /** Forgets the call. A job goes on. */
  reset(): void
  readonly state: PaidState
  /** Undefined: there is nothing to restore. */
  readonly snapshot: PaidSnapshot | undefined
}

/** A lost response is fetched again by the same call after these. */
const RESEND_AFTER_MS = [1000, 3000, 8000]
/** Short at first, because a job says only when asked that its turn has come; the last repeats. */
const POLL_WAITS_MS = [1000, 2000, 4000, 8000]
/** Between polls that failed; the last repeats. */
const OFFLINE_AFTER_MS = [1000, 3000, 8000, 15_000]
const MAX_INTERRUPTIONS = 4
/** So that a service that does not wait is not asked without a pause. */
const MIN_POLL_MS = 500

export function createPaidCall({ data, tool, onState, newKey, sleep, now }: PaidCallOptions): PaidCall {
  let state: PaidState = { name: 'idle' }
  let sent: ToolArguments | undefined
  /** A response to `sent` was lost: whatever comes next, it may have been paid for. */
  let isUnknown = false
  /** The job that is followed, until the service has told its end. */
  let jobId: string | undefined
  let code: string | undefined
  let abort = new AbortController()

  function set(next: PaidState): void {
    state = next
    onState(next)
  }

  /** Ends what the last call is doing. @returns the signal of the next */
  function restart(): AbortSignal {
    abort.abort()
    abort = new AbortController()
    return abort.signal
  }

  async function sendWithRepeats(args: ToolArguments, signal: AbortSignal): Promise<Submission> {
    for (const pause of RESEND_AFTER_MS) {
      try {
        return await data.submit(tool, args)
      } catch (error) {
        if (toStudioError(error).kind !== 'offline') throw error
        isUnknown = true
      }
      await sleep(pause, signal)
    }
    return await data.submit(tool, args)
  }

  async function send(args: ToolArguments): Promise<void> {
    const signal = restart()
    set({ name: 'sending' })
    try {
      const submission = await sendWithRepeats(args, signal)
      if (signal.aborted) return
      if (submission.kind === 'job') return await watch(submission.job, signal)
      code = submission.code
      forget()
      set({ name: 'confirming', usd: submission.usd, text: submission.text })
    } catch (error) {
      if (!signal.aborted) fail(toStudioError(error))
    }
  }

  /** What comes next has nothing to do with an earlier attempt. */
  function forget(): void {
    isUnknown = false
    jobId = undefined
  }

  /** Sends the very same call, or asks for its job again. */
  async function repeat(): Promise<void> {
    if (jobId !== undefined) await watch({ id: jobId, state: 'running', text: '' }, restart())
    else if (sent !== undefined) await send(sent)
  }

  function fail(error: StudioError): void {
    if (error.kind === 'rejected') forget()
    else isUnknown ||= !isDecided(error)
    set({ name: 'failed', error, canResend: jobId !== undefined || (sent !== undefined && isUnknown) })
  }

  async function watch(first: FollowedJob, signal: AbortSignal): Promise<void> {
    const since = now()
    let at = since
    let failures = 0
    let polls = 0
    let job = first
    jobId = first.id
    try {
      while (!(await settle(job, signal))) {
        if (signal.aborted) return
        set({ name: 'running', job, since, at, isOffline: failures > 0 })
        const asked = now()
        const waitMs = POLL_WAITS_MS[Math.min(polls++, POLL_WAITS_MS.length - 1)] ?? 0
        const next = await poll(job.id, waitMs, failures, signal)
        if (signal.aborted) return
        failures = next === undefined ? failures + 1 : 0
        if (next !== undefined) at = now()
        job = next ?? job
        if (hasEnded(job)) continue
        await sleep(pauseAfter(failures, now() - asked), signal)
      }
    } catch (error) {
      if (!signal.aborted) fail(toStudioError(error))
    }
  }

  /** @returns undefined if the service could not be asked; the job is not affected by that. @param failures in a row */
  async function poll(
    id: string,
    waitMs: number,
    failures: number,
    signal: AbortSignal,
  ): Promise<FollowedJob | undefined> {
    try {
      return await data.job(id, waitMs, signal)
    } catch (error) {
      const failure = toStudioError(error)
      if (mayPass(failure)) return undefined
      // A host may ask the person for every call, who has said no by then.
      if (failure.kind === 'interrupted' && failures < MAX_INTERRUPTIONS) return undefined
      throw error
    }
  }

  /** @returns whether the job has ended */
  async function settle(job: FollowedJob, signal: AbortSignal): Promise<boolean> {
    if (!hasEnded(job)) return false
    if (job.state !== 'completed') throw new StudioError('rejected', job.text)
    // Where the host removed the facts, the ids are in the text.
    const images = job.images ?? (await Promise.all(imageIdsIn(job.text).map((id) => data.image(id, signal))))
    if (!signal.aborted) set({ name: 'done', jobId: job.id, images, text: job.text })
    return true
  }

  return {
    get state() {
      return state
    },
    get snapshot() {
      if (state.name === 'running') return { jobId: state.job.id }
      if (state.name === 'done') return { jobId: state.jobId }
      if (canResend(state) && jobId !== undefined) return { jobId }
      const isOpen = state.name === 'sending' || canResend(state)
      return isOpen && sent !== undefined ? { args: sent } : undefined
    },
    async submit(args) {
      // A second click comes before the button is drawn as disabled.
      if (isBusy(state)) return
      // The same again after a failure whose outcome no one knows is no other image.
      if (canResend(state) && sent !== undefined && isSame(sent, args)) return await repeat()
      sent = { ...args, idempotency_key: newKey() }
      code = undefined
      forget()
      await send(sent)
    },
    async agree() {
      if (state.name !== 'confirming' || sent === undefined || code === undefined) return
      sent = { ...sent, confirm_cost: code }
      await send(sent)
    },
    async resend() {
      if (canResend(state)) await repeat()
    },
    async restore(snapshot) {
      sent = 'args' in snapshot ? snapshot.args : undefined
      forget()
      if (sent !== undefined) return fail(new StudioError('offline'))
      if ('jobId' in snapshot) jobId = snapshot.jobId
      await repeat()
    },
    async cancel() {
      return state.name === 'running' ? await data.cancelJob(state.job.id) : ''
    },
    reset() {
      restart()
      sent = undefined
      forget()
      set({ name: 'idle' })
    },
  }
}

/** Whether the service has responded, so that nothing was paid; otherwise no one knows. */
const isDecided = ({ kind }: StudioError): boolean =>
  kind !== 'offline' && kind !== 'interrupted' && kind !== 'protocol' && kind !== 'unsupported'

const canResend = (state: PaidState): boolean => state.name === 'failed' && state.canResend

/** Whether a call that was sent has these arguments. */
const isSame = (sent: ToolArguments, args: ToolArguments): boolean =>
  JSON.stringify({ ...sent, idempotency_key: undefined, confirm_cost: undefined }) === JSON.stringify(args)

/** Whether no other call can be submitted. */
export const isBusy = ({ name }: PaidState): boolean =>
  name === 'sending' || name === 'confirming' || name === 'running'

const endStates: readonly FollowedJob['state'][] = ['completed', 'failed', 'cancelled', 'unknown']
const hasEnded = ({ state }: FollowedJob): boolean => endStates.includes(state)

/** @param failures of polls in a row. @param waited milliseconds of the last poll */
function pauseAfter(failures: number, waited: number): number {
  const pause = OFFLINE_AFTER_MS[Math.min(failures, OFFLINE_AFTER_MS.length) - 1]
  return pause ?? Math.max(0, MIN_POLL_MS - waited)
}
