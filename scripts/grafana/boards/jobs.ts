import { type Board, chosen, one, perMinute } from '../board.ts'

export const jobs: Board = {
  name: 'jobs',
  title: 'Image service: jobs and replicas',
  about: 'What waits, what was lost on the way, and how evenly replicas work.',
  panels: [
    {
      title: 'Queued jobs',
      about: 'Of all replicas that share them.',
      unit: 'short',
      kind: 'number',
      queries: one(`max(image_mcp_jobs{${chosen}, state="queued"})`, 'jobs'),
    },
    {
      title: 'Oldest queued job',
      about: 'How long it has waited. Half an hour fires an alert.',
      unit: 's',
      kind: 'number',
      levels: { orange: 900, red: 1800 },
      queries: one(`max(image_mcp_job_oldest_seconds{${chosen}})`, 'wait'),
    },
    {
      title: 'Jobs with unknown outcome',
      about: 'Their process ended after the request went to Azure: the image may have been billed.',
      unit: 'short',
      kind: 'number',
      levels: { orange: 1 },
      queries: one(`max(image_mcp_jobs{${chosen}, state="unknown"})`, 'jobs'),
    },
    {
      title: 'Open streams',
      about: 'Clients that wait for changes.',
      unit: 'short',
      kind: 'number',
      queries: one(`sum(image_mcp_subscriptions{${chosen}})`, 'streams'),
    },
    {
      title: 'Jobs by state',
      about: 'Ended ones count for JOB_TTL_MS.',
      unit: 'short',
      queries: one(`max by (state) (image_mcp_jobs{${chosen}})`, '{{state}}'),
    },
    {
      title: 'Wait of the oldest job',
      about: 'A line that only rises: no process runs jobs, or the quota is too small.',
      unit: 's',
      queries: one(`max(image_mcp_job_oldest_seconds{${chosen}})`, 'oldest'),
    },
    {
      title: 'Calls in progress by replica',
      about: 'Load balancers that keep connections may prefer one.',
      unit: 'short',
      queries: one(`sum by (instance) (image_mcp_tool_calls_in_flight{${chosen}})`, '{{instance}}'),
    },
    {
      title: 'HTTP requests in progress by replica',
      about: 'Open event streams are among them.',
      unit: 'short',
      queries: one(`sum by (instance) (image_mcp_http_requests_in_flight{${chosen}})`, '{{instance}}'),
    },
    {
      title: 'Redis, Postgres and storage',
      about: 'Share of the replicas that reach it: at 1 all, at 0 none.',
      unit: 'percentunit',
      queries: one(`avg by (dependency) (image_mcp_dependency_up{${chosen}})`, '{{dependency}}'),
    },
    {
      title: 'Results of disconnected clients',
      about: 'stored: paid for and kept for a retry; collected: the retry came.',
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_abandoned_results_total', 'event'), '{{event}}'),
    },
    {
      title: 'Proof of delivery',
      about: 'How it is known that a client has its images; none: it is not.',
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_responses_delivered_total', 'proof'), '{{proof}}'),
    },
    {
      title: 'Open files and connections',
      about: 'Descriptors of each replica.',
      unit: 'short',
      queries: one(`process_open_fds{${chosen}}`, '{{instance}}'),
    },
  ],
}
