import type { Sources } from '../schemas/models.ts'
import type { ErrorFamily } from '../services/errors/error-table.ts'

/** The words of generated tables in one language. */
export interface Language {
  key: 'en' | 'zh'
  /** The page that describes the alerts. */
  runbook: string
  /** `/ready` shows nothing. */
  unchanged: string
  required: string
  yes: string
  no: string
  /** Who can fix an error, by its family. */
  families: Readonly<Record<ErrorFamily, string>>
  /** A retry may be billed again. */
  mayCostAgain: string
  images(count: number): string
  mask: string
  /** The edited image decides the size. */
  sizeOfImage: string
  perImage: string
  perMegapixel: string
  firstMegapixel(rate: number): string
  /** Of a source: what it says. */
  sources: Readonly<Record<keyof Sources, string>>
  /** Whether meanings are translated in the document itself; a new row starts with the English text. */
  keepsMeanings: boolean
}

export const english: Language = {
  key: 'en',
  runbook: 'runbook.md',
  unchanged: 'no fault',
  required: '**required**',
  yes: 'yes',
  no: 'no',
  families: { input: 'the client', upstream: 'Azure or the operator', service: 'the operator' },
  mayCostAgain: 'may cost again',
  images: (count) => (count === 1 ? '1 image' : `${count} images`),
  mask: 'mask',
  sizeOfImage: 'size of the image',
  perImage: 'per image',
  perMegapixel: 'per megapixel',
  firstMegapixel: (rate) => `the first ${rate} more`,
  sources: { price: 'price', tokens: 'tokens', retirement: 'retirement', capabilities: 'capabilities' },
  keepsMeanings: false,
}

export const chinese: Language = {
  key: 'zh',
  runbook: 'runbook.zh-CN.md',
  unchanged: '无故障',
  required: '**必需**',
  yes: '是',
  no: '否',
  families: { input: '客户端', upstream: 'Azure 或运维人员', service: '运维人员' },
  mayCostAgain: '可能再次计费',
  images: (count) => `${count} 张图`,
  mask: '蒙版',
  sizeOfImage: '尺寸随原图',
  perImage: '每张',
  perMegapixel: '每百万像素',
  firstMegapixel: (rate) => `首个百万像素另加 ${rate}`,
  sources: { price: '价格', tokens: 'token 数', retirement: '停用日期', capabilities: '能力' },
  keepsMeanings: true,
}
