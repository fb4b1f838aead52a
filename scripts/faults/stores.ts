import { type FaultRow, ofService } from './row.ts'

export const storeFaults = {
  'folder unwritable': ofService(
    'IMG_ERR_STORE_UNWRITABLE',
    { member: 'images', value: 'unwritable' },
    'ImagesNotSaved',
    { en: 'The images folder is read-only, or belongs to another user', zh: '图片目录只读，或属于其他用户' },
    {
      en: '`sudo chown 1000:1000 images`, or mount it writable; after a start without it, restart',
      zh: '`sudo chown 1000:1000 images`，或以可写方式挂载；若启动时就不可写，则需重启',
    },
  ),
  'disk full': ofService(
    'IMG_ERR_STORE_FULL',
    { member: 'images', value: 'full' },
    'ImagesNotSaved',
    { en: 'The disk of the images folder is full', zh: '图片目录所在磁盘已满' },
    {
      en: 'Make room, or lower `LIBRARY_MAX_BYTES`; it is used at once',
      zh: '释放空间，或降低 `LIBRARY_MAX_BYTES`；立即生效',
    },
  ),
  'storage denied': ofService(
    'IMG_ERR_STORE_DENIED',
    { member: 'images', value: 'unwritable' },
    'ImageStorageLost',
    { en: 'The Blob container is missing, or denies access', zh: 'Blob 容器不存在，或拒绝访问' },
    {
      en: 'Create the container, give the identity the role `Storage Blob Data Contributor`, or correct `AZURE_STORAGE_KEY`',
      zh: '创建容器，为身份分配角色 `Storage Blob Data Contributor`，或更正 `AZURE_STORAGE_KEY`',
    },
  ),
  'storage unavailable': ofService(
    'IMG_ERR_STORE_UNAVAILABLE',
    { member: 'images', value: 'unwritable' },
    'ImageStorageLost',
    { en: 'The Blob storage does not respond', zh: 'Blob 存储没有响应' },
    {
      en: 'Check the address, the network and the firewall of the account; nothing has to be restarted',
      zh: '检查地址、网络和账户防火墙；无需重启',
    },
  ),
  'redis lost': ofService(
    'IMG_ERR_REDIS_UNREACHABLE',
    { member: 'redis', value: 'unreachable' },
    'ImageRedisLost',
    { en: 'Redis does not respond', zh: 'Redis 没有响应' },
    {
      en: 'Bring Redis back, or correct `REDIS_URL`; `reason` names a rejected password or a read-only replica',
      zh: '恢复 Redis，或更正 `REDIS_URL`；`reason` 会指出密码被拒绝或只读副本',
    },
  ),
  'redis full': ofService(
    'IMG_ERR_REDIS_FULL',
    { member: 'redis', value: 'full' },
    'ImageRedisLost',
    { en: 'The memory of Redis is full', zh: 'Redis 内存已满' },
    { en: 'Raise `maxmemory`, or remove what others store there', zh: '提高 `maxmemory`，或删除其他程序存放的数据' },
  ),
  'postgres lost': ofService(
    'IMG_ERR_DATABASE_UNREACHABLE',
    { member: 'postgres', value: 'unreachable' },
    'ImageDatabaseLost',
    { en: 'Postgres does not respond', zh: 'Postgres 没有响应' },
    {
      en: 'Bring Postgres back; look at its connections and disk; nothing has to be restarted',
      zh: '恢复 Postgres；查看其连接数和磁盘；无需重启',
    },
  ),
} satisfies Readonly<Record<string, FaultRow>>
