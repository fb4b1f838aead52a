import { type FaultRow, ofService } from './row.ts'

export const serviceFaults = {
  'jobs waiting': ofService(
    'IMG_ERR_JOBS_WAITING',
    { member: 'jobs' },
    'ImageJobsWaiting',
    { en: 'A queued job has waited for half an hour', zh: '有任务已排队半小时' },
    {
      en: 'Start a replica or a `--worker`; with a high `image_mcp_azure_waiting` raise the quota',
      zh: '启动副本或 `--worker`；若 `image_mcp_azure_waiting` 很高，则提高配额',
    },
  ),
  'policy file': ofService(
    'IMG_ERR_POLICY_FILE',
    { member: 'policy', value: '…; the file is invalid, the previous rules hold' },
    'PolicyFileInvalid',
    { en: '`POLICY_FILE` was changed and is invalid', zh: '`POLICY_FILE` 被改为无效内容' },
    {
      en: 'Correct what `problems` of the line names; it is read again',
      zh: '更正日志中 `problems` 所列内容；会自动重新读取',
    },
  ),
  'secret file': ofService(
    'IMG_ERR_SECRET_FILE',
    { member: 'secretFiles.<variable>', value: 'unusable' },
    'ImageSecretFileUnusable',
    {
      en: 'The file of a secret or of the certificate cannot be used after a rotation: it is missing, empty or not in its form',
      zh: '轮换后机密或证书的文件无法使用：缺失、为空或格式不符',
    },
    {
      en: 'Write the file of the `variable` in the line again, readable for uid 1000; `reason` or `err` says what is wrong with it',
      zh: '重新写入日志中 `variable` 对应的文件，使 uid 1000 可读；`reason` 或 `err` 说明问题',
    },
  ),
  'certificate ending': ofService(
    'IMG_ERR_CERTIFICATE_ENDING',
    { member: 'certificate', value: 'ends in … days' },
    'AzureCertificateEnding',
    {
      en: 'The certificate with which the service authenticates to Azure ends in less than 30 days',
      zh: '服务向 Azure 认证所用证书将在 30 天内到期',
    },
    {
      en: 'Add a new certificate in Entra ID, replace the file of `AZURE_CLIENT_CERTIFICATE_PATH`, restart',
      zh: '在 Entra ID 中添加新证书，替换 `AZURE_CLIENT_CERTIFICATE_PATH` 所指文件，然后重启',
    },
  ),
  'buffers full': ofService(
    'IMG_ERR_BUFFERS_FULL',
    { member: 'buffers', value: 'in temporary files' },
    'ImageBuffersFull',
    { en: 'More images are in progress than memory is set aside for', zh: '处理中的图片超出预留内存' },
    {
      en: 'Raise `MAX_BUFFERED_BYTES` within the memory limit, or add a replica; calls go on',
      zh: '在内存限制内提高 `MAX_BUFFERED_BYTES`，或增加副本；调用继续进行',
    },
  ),
  overloaded: ofService(
    'IMG_ERR_OVERLOADED',
    { member: 'load', value: 'high' },
    'ImageServiceOverloaded',
    { en: 'The process gets less CPU than it needs, or its heap is full', zh: '进程得到的 CPU 不足，或其堆已满' },
    {
      en: 'Raise the CPU or memory limit, add a replica, or limit the heaviest caller with `RATE_LIMIT_PER_MINUTE`',
      zh: '提高 CPU 或内存限制，增加副本，或用 `RATE_LIMIT_PER_MINUTE` 限制占用最多的调用者',
    },
  ),
  'process gone': {
    fault: { en: 'The process ended, or does not respond', zh: '进程退出，或没有响应' },
    metric: 'up{job="azure-image-editor"} == 0',
    alert: 'ImageServiceDown',
    todo: {
      en: 'Start it; the last lines of its log name what is wrong, and `--check` names every wrong variable',
      zh: '启动它；最后几行日志会指出原因，`--check` 会列出所有错误的变量',
    },
  },
  restarting: {
    fault: { en: 'The process is restarted again and again', zh: '进程反复重启' },
    metric: 'changes(process_start_time_seconds{job="azure-image-editor"}[15m]) > 2',
    alert: 'ImageServiceRestarting',
    todo: {
      en: 'With `OOMKilled` in `docker inspect` lower `MAX_BUFFERED_BYTES` or raise the memory limit; else see the last line of each run',
      zh: '`docker inspect` 显示 `OOMKilled` 时降低 `MAX_BUFFERED_BYTES` 或提高内存限制；否则查看每次运行的最后一行日志',
    },
  },
} satisfies Readonly<Record<string, FaultRow>>
