import { type FaultRow, ofService } from './row.ts'

export const moneyFaults = {
  'budget nearly used': ofService(
    'IMG_ERR_BUDGET_NEARLY_USED',
    { member: 'budgets', value: 'nearly used' },
    'ImageBudgetNearlyUsed',
    { en: 'Nine tenths of a budget are spent', zh: '预算已花费十分之九' },
    {
      en: 'Raise the limit of the `rules` in the line in `POLICY_FILE`, which is read again, or let the period end (UTC)',
      zh: '提高日志中 `rules` 在 `POLICY_FILE` 的限额（会自动重新读取），或等待周期结束（UTC）',
    },
  ),
  'spending high': {
    fault: {
      en: 'The last hour cost more than three times the mean of the week, and more than five dollars',
      zh: '最近一小时的花费超过一周均值的三倍，且超过五美元',
    },
    log: { message: 'receipt' },
    metric: 'increase(image_mcp_azure_cost_usd_total[1h])',
    alert: 'ImageSpendingHigh',
    todo: {
      en: 'Find the `caller` with `npm run receipts`; limit it with `usd_per_day` in `POLICY_FILE`, or take its key away',
      zh: '用 `npm run receipts` 找出 `caller`；在 `POLICY_FILE` 中用 `usd_per_day` 限制，或收回其密钥',
    },
  },
  'price unknown': {
    fault: { en: 'Images of a model without a known price', zh: '生成了价格未知的模型的图片' },
    log: { message: 'receipt' },
    metric: 'image_mcp_azure_unpriced_images_total',
    alert: 'ImagePriceUnknown',
    todo: {
      en: 'Give the model its `price` in `AZURE_MODELS_FILE`; budgets count `price_unknown_usd` for its images until then',
      zh: '在 `AZURE_MODELS_FILE` 中为该模型填写 `price`；在此之前预算按 `price_unknown_usd` 计算其图片',
    },
  },
  'outcome unknown': {
    fault: {
      en: 'A process was lost after the request of a job went to Azure: its image may be generated and billed',
      zh: '任务的请求发往 Azure 后进程丢失：图片可能已生成并计费',
    },
    log: { message: 'the process that ran a job is lost: its image may be generated and billed' },
    metric: 'image_mcp_jobs{state="unknown"}',
    alert: 'ImageOutcomeUnknown',
    todo: {
      en: 'Tell the caller of the `job` in the line, who submits it again or not; see why the process ended',
      zh: '通知日志中 `job` 的调用者，由其决定是否重新提交；查明进程退出的原因',
    },
  },
} satisfies Readonly<Record<string, FaultRow>>
