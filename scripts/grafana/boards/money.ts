import { added, type Board, chosen, costOfADay, one, perMinute } from '../board.ts'

const ofAnHour = (metric: string) => `sum by (model) (increase(${metric}{${chosen}}[1h]))`

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
      queries: one(added('image_mcp_azure_images_total', '24h'), 'images'),
    },
    {
      title: 'Images without a price',
      about: 'Of the last 24 hours: their model has no list price, so that no budget counts them.',
      unit: 'short',
      kind: 'number',
      levels: { orange: 1 },
      queries: one(added('image_mcp_azure_unpriced_images_total', '24h'), 'images'),
    },
    {
      title: 'Fullest budget',
      about: 'The largest share of a budget that is spent or reserved.',
      unit: 'percentunit',
      kind: 'number',
      levels: { orange: 0.9, red: 1 },
      queries: one(
        `max(sum by (rule, period) (max by (rule, period, kind) (image_mcp_budget_usd{${chosen}, kind=~"spent|reserved"})) / max by (rule, period) (image_mcp_budget_usd{${chosen}, kind="limit"}))`,
        'used',
      ),
    },
    {
      title: 'Cost of an hour by model',
      about: 'What the last hour cost, at each time.',
      unit: 'currencyUSD',
      queries: one(ofAnHour('image_mcp_azure_cost_usd_total'), '{{model}}'),
    },
    {
      title: 'Images of an hour by model',
      about: 'That Azure generated in the last hour, at each time.',
      unit: 'short',
      queries: one(ofAnHour('image_mcp_azure_images_total'), '{{model}}'),
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
      unit: 'reqpm',
      queries: one(perMinute('image_mcp_policy_rejections_total', 'rule'), '{{rule}}'),
    },
    {
      title: 'Tokens',
      about: 'A minute, of models that bill tokens.',
      unit: 'short',
      queries: one(perMinute('image_mcp_azure_tokens_total', 'model, kind'), '{{model}} {{kind}}'),
    },
    {
      title: 'Megapixels',
      about: 'A minute, of models that bill megapixels.',
      unit: 'short',
      queries: one(perMinute('image_mcp_azure_megapixels_total', 'model, kind'), '{{model}} {{kind}}'),
    },
    {
      title: 'Images without a price, by model',
      about: 'In the last hour, at each time. Add the price to AZURE_MODELS_FILE (docs/models.md).',
      unit: 'short',
      queries: one(ofAnHour('image_mcp_azure_unpriced_images_total'), '{{model}}'),
    },
  ],
}
