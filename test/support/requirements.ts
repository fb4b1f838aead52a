/**
 * What the service promises of JSON-RPC and MCP. Each promise is proven by the tests that name its id (`verifies.ts`);
 * `requirements.slow.test.ts` runs them and fails where one is missing, skipped or fails.
 */
export interface Requirement {
  /** First revision that has the rule; `json-rpc` where it is older than MCP. */
  revision: '2024-11-05' | '2025-03-26' | '2025-06-18' | '2025-11-25' | '2026-07-28' | 'json-rpc'
  link: string
  sentence: string
}

const JSON_RPC = 'https://www.jsonrpc.org/specification'
const MCP = 'https://modelcontextprotocol.io/specification'
const HTTP = `${MCP}/2026-07-28/basic/transports/streamable-http`

export const requirements = {
  'id-echo': {
    revision: 'json-rpc',
    link: `${JSON_RPC}#response_object`,
    sentence: 'A response carries the id of its request, with the same type.',
  },
  'parse-error': {
    revision: 'json-rpc',
    link: `${JSON_RPC}#error_object`,
    sentence: 'A body that is not JSON gets -32700.',
  },
  'invalid-request': {
    revision: 'json-rpc',
    link: `${JSON_RPC}#error_object`,
    sentence: 'JSON that is not a valid message gets -32600.',
  },
  'method-not-found': {
    revision: 'json-rpc',
    link: `${JSON_RPC}#error_object`,
    sentence: 'A method that the revision does not define gets -32601.',
  },
  'invalid-params': {
    revision: 'json-rpc',
    link: `${JSON_RPC}#error_object`,
    sentence: 'Params of the wrong shape get -32602.',
  },
  'notification-silence': {
    revision: 'json-rpc',
    link: `${JSON_RPC}#notification`,
    sentence: 'A notification gets no response.',
  },
  'null-id': {
    revision: '2024-11-05',
    link: `${MCP}/2024-11-05/basic/messages#requests`,
    sentence: 'A request with a null id is rejected.',
  },
  handshake: {
    revision: '2024-11-05',
    link: `${MCP}/2025-11-25/basic/lifecycle#version-negotiation`,
    sentence:
      'initialize returns the requested version if the server supports it, else its newest version with a handshake.',
  },
  ping: {
    revision: '2024-11-05',
    link: `${MCP}/2025-11-25/basic/utilities/ping`,
    sentence: 'ping returns an empty result.',
  },
  'unknown-tool': {
    revision: '2024-11-05',
    link: `${MCP}/2025-11-25/server/tools#error-handling`,
    sentence: 'An unknown tool gets -32602.',
  },
  'tool-error': {
    revision: '2024-11-05',
    link: `${MCP}/2025-11-25/server/tools#error-handling`,
    sentence: 'A tool that fails returns a result with isError.',
  },
  'tool-arguments': {
    revision: '2025-11-25',
    link: `${MCP}/2025-11-25/server/tools#error-handling`,
    sentence: "Arguments that fail a tool's schema return a result with isError.",
  },
  'progress-rises': {
    revision: '2024-11-05',
    link: `${MCP}/2026-07-28/basic/patterns/progress`,
    sentence: 'The progress of a request increases with every notification and stops with its response.',
  },
  'progress-token': {
    revision: '2024-11-05',
    link: `${MCP}/2026-07-28/basic/patterns/progress`,
    sentence: 'Progress is sent only to requests with a progress token.',
  },
  'cancel-stdio': {
    revision: '2024-11-05',
    link: `${MCP}/2026-07-28/basic/patterns/cancellation`,
    sentence: 'Over stdio, notifications/cancelled stops the request, and no response follows.',
  },
  'cancel-http': {
    revision: '2026-07-28',
    link: `${HTTP}#cancellation`,
    sentence: 'Over HTTP, closing the connection cancels the request.',
  },
  'subscription-acknowledged': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/basic/patterns/subscriptions#acknowledgment`,
    sentence: 'A subscription is acknowledged first, with the part of its filter that is served.',
  },
  'subscription-filter': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/basic/patterns/subscriptions#notification-filter`,
    sentence:
      'A client gets the notifications that it has requested, each with the id of its subscription, and no others.',
  },
  'subscription-end': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/basic/patterns/subscriptions#graceful-closure`,
    sentence: 'A subscription that the server ends gets its result.',
  },
  'client-log': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/server/utilities/logging#requesting-log-messages`,
    sentence:
      'Log messages are sent only for requests with a log level, of that level and above, and before the result.',
  },
  'client-log-level': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/server/utilities/logging#error-handling`,
    sentence: 'An unknown log level gets -32602.',
  },
  'stdio-lines': {
    revision: '2024-11-05',
    link: `${MCP}/2026-07-28/basic/transports/stdio`,
    sentence: 'Over stdio, each message is one line, and stdout carries nothing else.',
  },
  batch: {
    revision: '2025-03-26',
    link: `${MCP}/2025-03-26/basic#batching`,
    sentence: 'A batch gets one array of responses, without its notifications.',
  },
  'no-batch': {
    revision: '2025-06-18',
    link: `${MCP}/2025-06-18/changelog`,
    sentence: 'Revisions without batches reject them.',
  },
  accepted: {
    revision: '2025-03-26',
    link: `${HTTP}#sending-messages`,
    sentence: 'Over HTTP, a notification gets 202 without a body.',
  },
  origin: {
    revision: '2025-03-26',
    link: `${HTTP}#security--endpoint`,
    sentence: 'An Origin that is not allowed gets 403.',
  },
  'no-get': {
    revision: '2025-03-26',
    link: `${HTTP}#backward-compatibility`,
    sentence: 'GET and DELETE get 405, since there are no sessions.',
  },
  'resource-links': {
    revision: '2025-06-18',
    link: `${MCP}/2025-06-18/server/tools#resource-links`,
    sentence: 'Resource links are sent only to clients whose revision defines them.',
  },
  'version-header': {
    revision: '2025-06-18',
    link: `${MCP}/2025-06-18/basic/transports#protocol-version-header`,
    sentence: 'An unknown MCP-Protocol-Version gets 400; a missing one means 2025-03-26.',
  },
  sessions: {
    revision: '2026-07-28',
    link: `${HTTP}#backward-compatibility`,
    sentence: 'A session id is ignored, and none is issued.',
  },
  'unreadable-id': {
    revision: '2025-11-25',
    link: `${MCP}/2026-07-28/basic#error-responses`,
    sentence: 'An error for a request whose id could not be read has no id, or a null id in older revisions.',
  },
  discover: {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/server/discover`,
    sentence: 'server/discover returns versions, capabilities and instructions.',
  },
  'result-type': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/basic#resulttype`,
    sentence: 'Every result names its type and the server.',
  },
  caching: {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/server/utilities/caching`,
    sentence: 'Lists and reads state how long they may be cached, and by whom.',
  },
  'modern-meta': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/basic#_meta`,
    sentence: 'A request without its required _meta gets 400 and -32602.',
  },
  'header-mismatch': {
    revision: '2026-07-28',
    link: `${HTTP}#server-validation`,
    sentence: 'Headers that are missing or differ from the body get 400 and -32020.',
  },
  'encoded-header': {
    revision: '2026-07-28',
    link: `${HTTP}#value-encoding`,
    sentence: 'An encoded Mcp-Name is decoded before it is compared.',
  },
  'client-capability': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/basic#_meta`,
    sentence: 'A call that needs a capability which the client did not declare gets 400 and -32021.',
  },
  'input-required': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/basic/patterns/mrtr`,
    sentence:
      'A request that needs input ends with questions that its client declared, and is repeated with the responses.',
  },
  'request-state': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/basic/patterns/mrtr`,
    sentence: 'A requestState that was changed, has expired, or belongs to another caller or request gets -32602.',
  },
  'unsupported-version': {
    revision: '2026-07-28',
    link: `${MCP}/2026-07-28/basic/versioning`,
    sentence: 'An unknown version gets 400, -32022 and the supported versions.',
  },
  'modern-404': {
    revision: '2026-07-28',
    link: `${HTTP}#protocol-version-header`,
    sentence: 'An unknown method gets 404 and -32601.',
  },
  'no-responses': {
    revision: '2026-07-28',
    link: `${HTTP}#sending-messages`,
    sentence: 'A response sent by a client is rejected.',
  },
  'no-buffering': {
    revision: '2026-07-28',
    link: `${HTTP}#receiving-messages`,
    sentence: 'Event streams tell proxies not to buffer them.',
  },
  'resources-page': {
    revision: '2024-11-05',
    link: `${MCP}/2026-07-28/server/utilities/pagination`,
    sentence: 'Lists are paginated, and an unknown cursor gets -32602.',
  },
  'resource-not-found': {
    revision: '2024-11-05',
    link: `${MCP}/2026-07-28/server/resources#error-handling`,
    sentence: "A missing resource gets the revision's error code, with its URI.",
  },
  completion: {
    revision: '2024-11-05',
    link: `${MCP}/2026-07-28/server/utilities/completion`,
    sentence: 'Completion suggests values, best match first.',
  },
} satisfies Record<string, Requirement>

export type RequirementId = keyof typeof requirements
