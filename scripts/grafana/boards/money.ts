import { type Board, chosen, costOfADay, one, rate } from '../board.ts'

export const money: Board = {
  name: 'money',
  title: 'Image service: money',
  about: 'What images cost, whose budget pays, and what has no price. US dollars at list price.',
  panels: [
    costOfADay,
    {
      title: 'Images of the last 24 hours',
      about: 'That Azure generated.',
      unit: 'short',
      kind: 'number',
      queries: one(`sum(increase(image_mcp_azure_images_total{${chosen}}[24h]))`, 'images'),
    },
    {
      title: 'Images without a price',
      about: 'Of the last 24 hours: their model has no list price, so that no budget counts them.',
      unit: 'short',
      kind: 'number',
      queries: one(`sum(increase(image_mcp_azure_unpriced_images_total{${chosen}}[24h]))`, 'images'),
    },
    {
      title: 'Fullest budget',
      about: 'The largest share of a budget that is spent or reserved.',
      unit: 'percentunit',
      kind: 'number',
      queries: one(
        `max(sum by (rule, period) (max by (rule, period, kind) (image_mcp_budget_usd{${chosen}, kind=~"spent|reserved"})) / max by (rule, period) (image_mcp_budget_usd{${chosen}, kind="limit"}))`,
        'used',
      ),
    },
    {
      title: 'Cost an hour by model',
      about: 'What the pace of now costs in an hour.',
      unit: 'currencyUSD',
      queries: one(`3600 * ${rate('image_mcp_azure_cost_usd_total', 'model')}`, '{{model}}'),
    },
    {
      title: 'Images an hour by model',
      about: 'That Azure generated.',
      unit: 'short',
      queries: one(`3600 * ${rate('image_mcp_azure_images_total', 'model')}`, '{{model}}'),
    },
    {
      title: 'Budgets: spent and reserved',
      about: 'By rule of the policy, which stands for a group of callers. What running calls may cost is reserved.',
      unit: 'currencyUSD',
      // Every replica reports the same numbers.
      queries: one(
        `max by (rule, period, kind) (image_mcp_budget_usd{${chosen}, kind=~"spent|reserved"})`,
        '{{rule}}, {{period}}, {{kind}}',
      ),
    },
    {
      title: 'Budgets: share used',
      about: 'At 1 the calls of the rule are rejected.',
      unit: 'percentunit',
      queries: one(
        `sum by (rule, period) (max by (rule, period, kind) (image_mcp_budget_usd{${chosen}, kind=~"spent|reserved"})) / max by (rule, period) (image_mcp_budget_usd{${chosen}, kind="limit"})`,
        '{{rule}}, {{period}}',
      ),
    },
    {
      title: 'Rejections by rule',
      about: 'Calls that a rule rejected, or would have with "mode": "observe". default: IMAGES_PER_DAY.',
      unit: 'reqps',
      queries: one(rate('image_mcp_policy_rejections_total', 'rule'), '{{rule}}'),
    },
    {
      title: 'Tokens',
      about: 'A second, of models that bill tokens.',
      unit: 'short',
      queries: one(rate('image_mcp_azure_tokens_total', 'model, kind'), '{{model}} {{kind}}'),
    },
    {
      title: 'Megapixels',
      about: 'A second, of models that bill megapixels.',
      unit: 'short',
      queries: one(rate('image_mcp_azure_megapixels_total', 'model, kind'), '{{model}} {{kind}}'),
    },
    {
      title: 'Images without a price, by model',
      about: 'Add the price to AZURE_MODELS_FILE (docs/models.md).',
      unit: 'short',
      queries: one(`3600 * ${rate('image_mcp_azure_unpriced_images_total', 'model')}`, '{{model}}'),
    },
  ],
}
