import { Compile } from 'typebox/compile'
import { InputParamsSchema } from '../../schemas/mcp.ts'
import { restoreTexts } from '../bytes/json/inline-blob.ts'
import { type ClientInput, InputRequired, type Question, questionOf } from '../calls/input.ts'
import { describeErrors } from '../errors/validation-message.ts'
import { canBeAsked, capabilityOf } from './capabilities.ts'
import { invalidParams, missingCapability } from './protocol-error.ts'
import { withQuestions } from './questions-in-call.ts'
import type { McpRequest } from './types.ts'

const inputParams = Compile(InputParamsSchema)

/**
 * Runs a request whose context has what its client can be asked and its responses. Questions become its result, or, in
 * revisions with a handshake, requests to the client while it waits.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
 */
export async function withInput(
  method: string,
  params: Readonly<Record<string, unknown>>,
  request: McpRequest,
  run: () => object | Promise<object>,
): Promise<object> {
  const { context, engine, revision } = request
  if (revision.era === 'legacy') return await withQuestions(request, run)
  const stated = { caller: context.caller.id, method, params }
  const input = readInput(params, request, (text) => engine.requestStates.decode(text, stated))
  context.input = input
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof InputRequired)) throw error
    const { requests, state } = error
    const undeclared = Object.values(requests)
      .map(questionOf)
      .find((question) => !input.canAsk(question))
    if (undeclared !== undefined) throw missingCapability(capabilityOf[undeclared])
    const requestState = state === undefined ? {} : { requestState: engine.requestStates.encode(state, stated) }
    return { resultType: 'input_required', inputRequests: requests, ...requestState }
  }
}

function readInput(
  params: Readonly<Record<string, unknown>>,
  { clientCapabilities }: McpRequest,
  decode: (text: string) => { state: unknown } | undefined,
): ClientInput {
  const canAsk = (question: Question) => canBeAsked(clientCapabilities, question)
  if (!('inputResponses' in params || 'requestState' in params)) return { responses: {}, state: undefined, canAsk }
  if (!inputParams.Check(params)) {
    throw invalidParams(`Invalid params: ${describeErrors(inputParams.Errors(params))}.`)
  }
  const { inputResponses: responses = {}, requestState } = params
  // Long base64 in a form is a text like any other.
  restoreTexts(responses)
  const opened = requestState === undefined ? undefined : decode(requestState)
  if (requestState !== undefined && opened === undefined) {
    throw invalidParams(
      'The requestState was changed, has expired, or belongs to another request. Send the request again without it.',
    )
  }
  return { responses, state: opened?.state, mayComeAgain: true, canAsk }
}
