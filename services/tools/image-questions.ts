import Type from 'typebox'
import { Value } from 'typebox/value'
import type { ImageRecord } from '../../schemas/image-record.ts'
import {
  askForm,
  type ClientInput,
  type Completion,
  formResponse,
  type InputRequest,
  pageResponse,
} from '../calls/input.ts'
import type { CallContext } from '../calls/types.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import type { Library } from '../library/library.ts'
import type { EditArguments } from './arguments.ts'
import { type Choice, choiceForm, choiceOf, formFor, variantChoiceOf } from './choice-form.ts'
import type { ImageReferences } from './image-references.ts'
import { sourcesOf } from './image-sources.ts'
import { type UploadVisits, type Visit, VisitSchema } from './upload-visits.ts'

/** What the users of clients are asked about the images of an edit. */
export interface ImageQuestions {
  /**
   * Asks which image is meant where the call names none, or one that does not exist, and which one of several variants
   * `last` stands for. Only where there is `context.input`.
   * @throws ServiceError `IMG_ERR_NOT_ANSWERED`, `IMG_ERR_UPLOAD_AWAITED`, `IMG_ERR_UPLOADS_OPEN`
   */
  complete(args: EditArguments, context: CallContext): Promise<Completion>
}

export interface ImageQuestionsOptions {
  library: Library
  references: ImageReferences
  /** Undefined: clients cannot upload images. */
  visits: UploadVisits | undefined
}

const names = ['image', 'mask_image'] as const
type Name = (typeof names)[number]

/** One argument in one round. */
interface Round {
  name: Name
  input: ClientInput
  context: CallContext
  /** Pages that the user was asked to open before. */
  opened: Visits
  /** Pages that the user is asked to open now. */
  opening: Visits
}
type Visits = Partial<Record<string, Visit>>

/** What is to be chosen. */
interface Question {
  message: string
  choices: readonly Choice[]
  /** The id that is chosen by default. */
  preset?: string
  /** Whether another image may be uploaded in their place. */
  takesUpload: boolean
}

const StateSchema = Type.Object({ visits: Type.Record(Type.String(), VisitSchema) })

/** The choice that is no id. */
const UPLOAD = 'upload'
const pageKey = (name: Name) => `${UPLOAD}_${name}`
const MAX_CHOICES = 10
/** Among which the choices are looked for: few images are masks. */
const MAX_RECORDS = 50

export function createImageQuestions({ library, references, visits }: ImageQuestionsOptions): ImageQuestions {
  async function find({ name, context }: Round, text: string): Promise<'found' | 'unknown' | 'invalid'> {
    return await references.find(name, text, context).then(
      () => 'found',
      (error: unknown) => (error instanceof ServiceError && error.code === 'IMG_ERR_IMAGE_ID' ? 'unknown' : 'invalid'),
    )
  }

  /** The caller's newest images; none where they may not be listed, or cannot be. */
  async function newest({ context: { access } }: Round): Promise<readonly ImageRecord[]> {
    if (!access.canList) return []
    return await library.find({ limit: MAX_RECORDS }, access).then(({ records }) => records, none)
  }

  /** Undefined: nothing is missing. */
  async function questionOn(round: Round, args: EditArguments): Promise<Question | undefined> {
    const { name } = round
    const value = args[name]
    if (name === 'mask_image' && value === undefined) return undefined
    if (name === 'image' && sourcesOf(args, 'image_path', 'image_data_base64').length > 0) return undefined
    if (value !== undefined) {
      const known = await find(round, value)
      if (known === 'found' && name === 'image' && references.isLast(value)) return await variantsOfLast(round)
      if (known !== 'unknown') return undefined
    }
    const records = await newest(round)
    const fitting = name === 'image' ? records : records.filter(mayBeMask)
    return {
      message: name === 'image' ? 'Which image should be edited?' : 'Which mask should be used?',
      choices: fitting.slice(0, MAX_CHOICES).map(choiceOf),
      takesUpload: visits?.canAsk(round.context) === true,
    }
  }

  /** Undefined: the last call made one image. */
  async function variantsOfLast(round: Round): Promise<Question | undefined> {
    const latest = await library.latest(round.context.access)
    if (latest.number === undefined) return undefined
    const variants = variantsOf(latest, await newest(round))
    if (variants.length < 2) return undefined
    const message = 'The last call made several images. Which one should be edited?'
    return { message, choices: variants.map(variantChoiceOf), preset: latest.id, takesUpload: false }
  }

  /** Asks the user to open a page. */
  function open({ name, context, opening }: Round, pages: UploadVisits, visit: Visit): InputRequest {
    opening[name] = visit
    return pages.question(visit, context)
  }

  function startVisit(round: Round, pages: UploadVisits): InputRequest {
    return open(round, pages, pages.start(round.name === 'image' ? 'image' : 'mask', round.context))
  }

  /** Undefined: the client cannot be asked this. */
  function requestFor(round: Round, { message, choices, preset, takesUpload }: Question): InputRequest | undefined {
    if (choices.length > 0 && round.input.canAsk('form')) {
      const upload = takesUpload ? [{ id: UPLOAD, title: 'Another one: upload it' }] : []
      return askForm(message, formFor(round.name, [...choices, ...upload], preset))
    }
    return takesUpload && visits !== undefined ? startVisit(round, visits) : undefined
  }

  /** The id of what was uploaded to the page, or the page once more. */
  async function uploadedOn(round: Round, pages: UploadVisits, visit: Visit): Promise<string | InputRequest> {
    const { name, input, context } = round
    const action = pageResponse(input, pageKey(name))
    if (action === undefined) return open(round, pages, visit)
    if (action !== 'accept') {
      pages.end(visit)
      throw serviceError('IMG_ERR_NOT_ANSWERED', [name])
    }
    const record = await pages.wait(visit, context)
    if (record === undefined) throw serviceError('IMG_ERR_UPLOAD_AWAITED', [name, visit.id])
    return record.id
  }

  /** The answer on one argument, or what to ask. Undefined: nothing is missing, or the client cannot be asked. */
  async function answerOn(round: Round, args: EditArguments): Promise<string | InputRequest | undefined> {
    const { name, input, opened } = round
    const visit = opened[name]
    if (visit !== undefined && visits !== undefined) return await uploadedOn(round, visits, visit)
    const question = await questionOn(round, args)
    if (question === undefined) return undefined
    const response = formResponse(input, name, choiceForm(name))
    if (response !== undefined && response.action !== 'accept') throw serviceError('IMG_ERR_NOT_ANSWERED', [name])
    const chosen = response?.content[name]
    if (chosen === UPLOAD && question.takesUpload && visits !== undefined) return startVisit(round, visits)
    const isValid = chosen !== undefined && !references.isLast(chosen) && (await find(round, chosen)) === 'found'
    return isValid ? chosen : requestFor(round, question)
  }

  return {
    async complete(args, context) {
      const { input } = context
      const answers: Record<string, string> = {}
      const requests: Record<string, InputRequest> = {}
      const opening: Visits = {}
      if (input === undefined) return { answers, requests }
      const opened: Visits = Value.Check(StateSchema, input.state) ? input.state.visits : {}
      for (const name of names) {
        const answer = await answerOn({ name, input, context, opened, opening }, args)
        if (typeof answer === 'string') answers[name] = answer
        else if (answer !== undefined) requests[opening[name] === undefined ? name : pageKey(name)] = answer
      }
      return { answers, requests, state: { visits: opening } }
    },
  }
}

const none = (): [] => []

/** Masks are uploaded as PNG. */
const mayBeMask = ({ origin, mimeType }: ImageRecord) => origin === 'uploaded' && mimeType === 'image/png'

/** The images of the call that made an image, in the order in which its result had them. */
function variantsOf(image: ImageRecord, records: readonly ImageRecord[]): ImageRecord[] {
  const byNumber = new Map<number, ImageRecord>()
  // Newest first: a client may send the same request id again, and an older call is another one.
  for (const record of records) {
    const { number, callId, owner, prompt } = record
    const isVariant = callId === image.callId && owner === image.owner && prompt === image.prompt
    if (isVariant && number !== undefined && !byNumber.has(number)) byNumber.set(number, record)
  }
  return [...byNumber].sort(([a], [b]) => a - b).map(([, record]) => record)
}
