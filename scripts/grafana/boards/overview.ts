import { type Board, chosen, costOfADay, one, quantiles, rate } from '../board.ts'

const FAILED = ', outcome=~"upstream_error|service_error|internal_error"'

export const overview: Board = {
  name: 'overview',
  title: 'Image service: overview',
  about: 'Whether it works, how fast, and how full it is.',
  panels: [
    {
      title: 'Replicas',
      about: 'Processes that Prometheus reaches, by version.',
      unit: 'short',
      kind: 'number',
      queries: one(`count by (version) (image_mcp_build_info{${chosen}})`, '{{version}}'),
    },
    {
      title: 'Failing calls',
      about: 'Share of the tool calls that Azure or the service failed. Mistakes of clients do not count.',
      unit: 'percentunit',
      kind: 'number',
      queries: one(
        `(sum(rate(image_mcp_tool_calls_total{${chosen}${FAILED}}[$__rate_interval])) or vector(0)) / sum(rate(image_mcp_tool_calls_total{${chosen}}[$__rate_interval]))`,
        'failing',
      ),
    },
    {
      title: 'Calls in progress',
      about: 'Tool calls that run now, those that wait for Azure included.',
      unit: 'short',
      kind: 'number',
      queries: one(`sum(image_mcp_tool_calls_in_flight{${chosen}})`, 'calls'),
    },
    costOfADay,
    {
      title: 'Calls by tool',
      about: 'Completed tool calls a second.',
      unit: 'reqps',
      queries: one(rate('image_mcp_tool_calls_total', 'tool'), '{{tool}}'),
    },
    {
      title: 'Calls by outcome',
      about:
        'upstream_error: Azure failed; service_error and internal_error: the service did; the rest is decided by clients.',
      unit: 'reqps',
      queries: one(rate('image_mcp_tool_calls_total', 'outcome'), '{{outcome}}'),
    },
    {
      title: 'Calls by door',
      about: 'mcp: JSON-RPC over HTTP; openai: the API below /v1.',
      unit: 'reqps',
      queries: one(rate('image_mcp_tool_calls_total', 'door'), '{{door}}'),
    },
    {
      title: 'Duration of tool calls',
      about: 'Many clients give up after 60 s. The board of Azure shows whether Azure is the cause.',
      unit: 's',
      queries: quantiles('image_mcp_tool_call_duration_seconds'),
    },
    {
      title: 'HTTP responses by status',
      about: '499: the client disconnected before the response.',
      unit: 'reqps',
      queries: one(rate('image_mcp_http_requests_total', 'status'), '{{status}}'),
    },
    {
      title: 'Rejections by limit',
      about: 'Requests that a limit rejected, before they cost anything.',
      unit: 'reqps',
      queries: one(rate('image_mcp_limit_rejections_total', 'reason'), '{{reason}}'),
    },
    {
      title: 'Memory',
      about: 'A container is killed at its limit; MAX_BUFFERED_BYTES and MAX_INFLIGHT_BYTES bound what images use.',
      unit: 'bytes',
      queries: [
        { expr: `process_resident_memory_bytes{${chosen}}`, legend: 'process, {{instance}}' },
        { expr: `image_mcp_buffered_bytes{${chosen}}`, legend: 'images, {{instance}}' },
        { expr: `image_mcp_body_bytes_in_flight{${chosen}}`, legend: 'requests, {{instance}}' },
      ],
    },
    {
      title: 'Event loop delay',
      about: 'Above 0.5 s the process needs more CPU than it gets.',
      unit: 's',
      queries: one(`nodejs_eventloop_lag_p99_seconds{${chosen}}`, 'p99, {{instance}}'),
    },
    {
      title: 'CPU',
      about: 'Cores that each replica uses.',
      unit: 'short',
      queries: one(`sum by (instance) (rate(process_cpu_seconds_total{${chosen}}[$__rate_interval]))`, '{{instance}}'),
    },
    {
      title: 'Network',
      about: 'Bytes from and to clients.',
      unit: 'Bps',
      queries: [
        { expr: `sum(rate(image_mcp_received_bytes_total{${chosen}}[$__rate_interval]))`, legend: 'received' },
        { expr: `sum(rate(image_mcp_sent_bytes_total{${chosen}}[$__rate_interval]))`, legend: 'sent' },
      ],
    },
  ],
}
