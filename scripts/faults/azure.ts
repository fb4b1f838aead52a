import type { FaultCode } from '../../services/errors/faults.ts'
import type { FaultRow, Texts } from './row.ts'

/** A failure of calls to a deployment. */
function ofAzure(code: FaultCode, alert: string, fault: Texts, todo: Texts, reason?: readonly string[]): FaultRow {
  return {
    fault,
    code,
    log: { message: 'tool call failed upstream', ...(reason === undefined ? {} : { reason }) },
    ready: { member: 'azure.<deployment>.lastFailureCode', value: code },
    metric: `image_mcp_azure_requests_total{code="${code}"}`,
    alert,
    todo,
  }
}

export const azureFaults = {
  'wrong key': ofAzure(
    'IMG_ERR_AZURE_CREDENTIAL',
    'AzureRejecting',
    { en: 'The key is wrong or has been revoked', zh: '密钥错误或已吊销' },
    {
      en: 'Put the key of the resource into the file of `AZURE_API_KEY_FILE`, which is read again; a key in a variable needs a restart',
      zh: '将资源的密钥写入 `AZURE_API_KEY_FILE` 所指文件，会自动重新读取；写在变量中的密钥需要重启',
    },
  ),
  'keys disabled': ofAzure(
    'IMG_ERR_AZURE_KEY_DISABLED',
    'AzureRejecting',
    { en: 'The resource accepts no keys', zh: '资源不接受密钥' },
    {
      en: 'Set `AZURE_AUTH=entra` ([Entra ID](entra.md)), or allow keys on the resource',
      zh: '设置 `AZURE_AUTH=entra`（[Entra ID](entra.zh-CN.md)），或在资源上允许密钥',
    },
  ),
  'no token': ofAzure(
    'IMG_ERR_AZURE_TOKEN',
    'AzureRejecting',
    { en: 'Entra ID issues no token', zh: 'Entra ID 不颁发 token' },
    {
      en: 'Check the identity of the container and its variables; `entraCodes` of the line says what Entra ID rejected',
      zh: '检查容器的身份及其变量；日志中的 `entraCodes` 说明 Entra ID 拒绝的原因',
    },
  ),
  firewall: ofAzure(
    'IMG_ERR_AZURE_FORBIDDEN',
    'AzureRejecting',
    { en: 'The firewall of the resource, or a missing role', zh: '资源的防火墙，或缺少角色' },
    {
      en: 'Allow the address or the private endpoint of the service; give its identity the role `Cognitive Services OpenAI User`',
      zh: '允许本服务的地址或专用终结点；为其身份分配角色 `Cognitive Services OpenAI User`',
    },
  ),
  'deployment missing': ofAzure(
    'IMG_ERR_AZURE_DEPLOYMENT',
    'AzureRejecting',
    { en: 'The deployment does not exist', zh: '部署不存在' },
    {
      en: 'Compare `AZURE_DEPLOYMENT_NAME` with the deployments of the resource; `--check --online` asks Azure',
      zh: '核对 `AZURE_DEPLOYMENT_NAME` 与资源中的部署；`--check --online` 会询问 Azure',
    },
  ),
  'api version': ofAzure(
    'IMG_ERR_AZURE_API_VERSION',
    'AzureRejecting',
    { en: 'Azure does not know the API version', zh: 'Azure 不支持该 API 版本' },
    {
      en: 'Remove `AZURE_API_VERSION`, or set one that Azure documents',
      zh: '删除 `AZURE_API_VERSION`，或设为 Azure 文档中的版本',
    },
  ),
  'wrong address': ofAzure(
    'IMG_ERR_AZURE_NOT_FOUND',
    'AzureRejecting',
    {
      en: 'The address, or the API version of the deployment route, is wrong',
      zh: '地址错误，或部署路由的 API 版本错误',
    },
    {
      en: 'Set `AZURE_BASE_URL` to the address of the resource alone; remove `AZURE_API_VERSION`',
      zh: '将 `AZURE_BASE_URL` 只设为资源的地址；删除 `AZURE_API_VERSION`',
    },
  ),
  retired: ofAzure(
    'IMG_ERR_AZURE_RETIRED',
    'AzureRejecting',
    { en: 'The model of the deployment is retired', zh: '部署的模型已停用' },
    { en: 'Deploy a newer model and set `AZURE_DEPLOYMENT_NAME`', zh: '部署更新的模型并设置 `AZURE_DEPLOYMENT_NAME`' },
  ),
  'spending limit': ofAzure(
    'IMG_ERR_AZURE_SPENDING_LIMIT',
    'AzureRejecting',
    { en: 'The spending limit of the Azure account is reached', zh: '达到 Azure 账户的支出限制' },
    { en: 'Raise the limit, or check the billing of the account', zh: '提高限制，或检查账户的计费' },
  ),
  'account blocked': ofAzure(
    'IMG_ERR_AZURE_ACCOUNT_BLOCKED',
    'AzureAccountBlocked',
    { en: 'Azure has blocked the account', zh: 'Azure 封锁了账户' },
    {
      en: 'Stop the caller whose prompts are rejected, and contact the support of Azure',
      zh: '停用提示词被拒绝的调用者，并联系 Azure 支持',
    },
  ),
  'invalid certificate': ofAzure(
    'IMG_ERR_AZURE_TLS',
    'AzureRejecting',
    { en: 'The TLS certificate of the address is not valid', zh: '地址的 TLS 证书无效' },
    {
      en: 'Check `AZURE_BASE_URL` and the proxy; a private authority goes into `NODE_EXTRA_CA_CERTS`',
      zh: '检查 `AZURE_BASE_URL` 和代理；私有证书颁发机构用 `NODE_EXTRA_CA_CERTS` 指定',
    },
  ),
  'connection refused': ofAzure(
    'IMG_ERR_AZURE_UNREACHABLE',
    'AzureFailing',
    { en: 'Nothing accepts connections at the address', zh: '该地址不接受连接' },
    {
      en: 'Check `AZURE_BASE_URL`, the proxy and the egress rules; nothing has to be restarted',
      zh: '检查 `AZURE_BASE_URL`、代理和出站规则；无需重启',
    },
    ['ECONNREFUSED'],
  ),
  'unknown host': ofAzure(
    'IMG_ERR_AZURE_UNREACHABLE',
    'AzureFailing',
    { en: 'The host name cannot be resolved', zh: '主机名无法解析' },
    {
      en: 'Check `AZURE_BASE_URL` for a typo, and the name servers of the container',
      zh: '检查 `AZURE_BASE_URL` 是否有误，以及容器的 DNS 服务器',
    },
    ['ENOTFOUND', 'EAI_AGAIN'],
  ),
  'server error': ofAzure(
    'IMG_ERR_AZURE_FAILED',
    'AzureFailing',
    { en: 'Azure responds with 500', zh: 'Azure 返回 500' },
    {
      en: 'See the status page of Azure; name a fallback in `AZURE_DEPLOYMENTS_FILE`',
      zh: '查看 Azure 状态页；在 `AZURE_DEPLOYMENTS_FILE` 中指定备用部署',
    },
  ),
  unavailable: ofAzure(
    'IMG_ERR_AZURE_UNAVAILABLE',
    'AzureFailing',
    { en: 'Azure responds with 503', zh: 'Azure 返回 503' },
    {
      en: 'Wait: calls are tried again; name a fallback in `AZURE_DEPLOYMENTS_FILE`',
      zh: '等待：调用会重试；在 `AZURE_DEPLOYMENTS_FILE` 中指定备用部署',
    },
  ),
  gateway: ofAzure(
    'IMG_ERR_AZURE_UNCLEAR',
    'AzureFailing',
    { en: 'A gateway in front of Azure responds with 502', zh: 'Azure 前的网关返回 502' },
    {
      en: 'Look at the proxy or API gateway between; images may have been billed, see `azureRequestId` in the log',
      zh: '检查中间的代理或 API 网关；图片可能已计费，参见日志中的 `azureRequestId`',
    },
  ),
  'response lost': ofAzure(
    'IMG_ERR_AZURE_LOST',
    'AzureFailing',
    { en: 'The connection breaks after the request was sent', zh: '请求发送后连接断开' },
    {
      en: 'Look at proxies and firewalls with idle time limits below the time an image takes; the image may have been billed',
      zh: '检查空闲时限短于生成时间的代理和防火墙；图片可能已计费',
    },
  ),
  timeout: ofAzure(
    'IMG_ERR_AZURE_TIMEOUT',
    'AzureFailing',
    { en: 'Azure takes longer than `CALL_DEADLINE_MS`', zh: 'Azure 耗时超过 `CALL_DEADLINE_MS`' },
    {
      en: 'Lower `quality` or size, or raise `CALL_DEADLINE_MS`; the image may have been billed',
      zh: '降低 `quality` 或尺寸，或提高 `CALL_DEADLINE_MS`；图片可能已计费',
    },
  ),
  'rate limit': ofAzure(
    'IMG_ERR_AZURE_RATE_LIMIT',
    'AzureRateLimited',
    { en: 'Azure responds with 429 again and again: the quota is used up', zh: 'Azure 反复返回 429：配额用尽' },
    {
      en: 'Raise the quota of the deployment, or add deployments with the same `pool`',
      zh: '提高部署的配额，或增加具有相同 `pool` 的部署',
    },
  ),
  'no capacity': ofAzure(
    'IMG_ERR_AZURE_CAPACITY',
    'AzureRateLimited',
    { en: 'Azure has no capacity for the model', zh: 'Azure 没有该模型的容量' },
    {
      en: 'Add a deployment in another region with the same `pool`',
      zh: '在其他区域增加具有相同 `pool` 的部署',
    },
  ),
  'content filter': {
    fault: {
      en: 'Clients send what the content filter rejects; this is no outage',
      zh: '客户端发送的内容被内容过滤器拒绝；这不是故障',
    },
    code: 'IMG_ERR_AZURE_CONTENT',
    log: { message: 'tool call rejected' },
    metric: 'image_mcp_azure_requests_total{code="IMG_ERR_AZURE_CONTENT"}',
    alert: 'AzureRejectingContent',
    todo: {
      en: 'Talk to the `caller` of these lines, or limit it with `POLICY_FILE`',
      zh: '与这些日志中的 `caller` 沟通，或用 `POLICY_FILE` 限制',
    },
  },
  'model retiring': {
    fault: {
      en: 'Azure retires the model in less than 30 days',
      zh: 'Azure 将在 30 天内停用该模型',
    },
    code: 'IMG_ERR_MODEL_RETIRING',
    log: { message: 'azure retires this model' },
    ready: { member: 'models', value: 'retiring' },
    metric: 'image_mcp_fault{code="IMG_ERR_MODEL_RETIRING"}',
    alert: 'ImageModelRetiring',
    todo: {
      en: 'Deploy a newer model, then change `AZURE_DEPLOYMENT_NAME` or `AZURE_DEPLOYMENTS_FILE`',
      zh: '部署更新的模型，再修改 `AZURE_DEPLOYMENT_NAME` 或 `AZURE_DEPLOYMENTS_FILE`',
    },
  },
} satisfies Readonly<Record<string, FaultRow>>
