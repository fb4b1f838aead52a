import { type Board, chosen, one, perMinute, quantile, share } from '../board.ts'

const RATE_LIMITED = ', code=~"IMG_ERR_AZURE_(RATE_LIMIT|CAPACITY)"'

export const azure: Board = {
  name: 'azure',
  title: 'Image service: Azure and quota',
  about: 'What Azure answers, how long it takes, and who waits for its quota.',
  panels: [
    {
      title: 'Blocked accounts',
      about: 'Deployments whose account Azure blocks. Contact Azure support.',
      unit: 'short',
      kind: 'number',
      levels: { red: 1 },
      queries: one(`sum(max by (deployment) (image_mcp_azure_blocked{${chosen}}))`, 'blocked'),
    },
    {
      title: 'Waiting for quota',
      about: 'Calls that wait for their turn, all deployments together.',
      unit: 'short',
      kind: 'number',
      levels: { orange: 10 },
      queries: one(`sum(image_mcp_azure_waiting{${chosen}})`, 'calls'),
    },
    {
      title: 'Rate limited',
      about: 'Share of the requests that Azure rejected with 429 in the last 15 minutes.',
      unit: 'percentunit',
      kind: 'number',
      levels: { orange: 0.1 },
      queries: one(share('image_mcp_azure_requests_total', RATE_LIMITED, '15m'), '429'),
    },
    {
      title: 'Days until a model retires',
      about: 'From that day on its calls fail.',
      unit: 'd',
      kind: 'number',
      levels: { orange: 90, red: 30 },
      queries: one(`min by (deployment) (image_mcp_model_retirement_days{${chosen}})`, '{{deployment}}'),
    },
    {
      title: 'Requests by result',
      about: 'ok, or the code of the failure (docs/errors.md).',
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_azure_requests_total', 'code'), '{{code}}'),
    },
    {
      title: 'Requests by deployment',
      about: 'Attempts, repeated ones included.',
      unit: 'reqpm',
      queries: one(
        perMinute('image_mcp_azure_requests_total', 'deployment, operation'),
        '{{deployment}} {{operation}}',
      ),
    },
    {
      title: 'Duration of requests',
      about: 'How long Azure needs for an image.',
      unit: 's',
      queries: [0.5, 0.95].map((share) => ({
        expr: quantile(share, 'image_mcp_azure_request_duration_seconds', 'deployment'),
        legend: `p${share * 100} {{deployment}}`,
      })),
    },
    {
      title: 'Wait for a turn',
      about: 'What the quota adds to a call.',
      unit: 's',
      queries: one(quantile(0.95, 'image_mcp_azure_wait_seconds', 'deployment'), 'p95 {{deployment}}'),
    },
    {
      title: 'Calls that wait',
      about: 'By deployment. A line that only rises needs more quota, or another deployment in the pool.',
      unit: 'short',
      queries: one(`sum by (deployment) (image_mcp_azure_waiting{${chosen}})`, '{{deployment}}'),
    },
    {
      title: 'Requests in progress',
      about: 'Requests that Azure has.',
      unit: 'short',
      queries: one(`sum(image_mcp_azure_requests_in_flight{${chosen}})`, 'requests'),
    },
    {
      title: 'Content Credentials',
      about: 'Images a minute, by their signed record of origin.',
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_content_credentials_total', 'state'), '{{state}}'),
    },
    {
      title: 'Quota',
      about: 'Requests a minute that Azure has reported, and what is left of them.',
      unit: 'short',
      queries: [
        {
          expr: `max by (deployment) (image_mcp_azure_quota_requests_per_minute{${chosen}})`,
          legend: 'quota {{deployment}}',
        },
        {
          expr: `min by (deployment) (image_mcp_azure_quota_remaining_requests{${chosen}})`,
          legend: 'left {{deployment}}',
        },
      ],
    },
  ],
}
