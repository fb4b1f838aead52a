import { prefersChinese } from '../../services/net/accepted-language.ts'

/** The sentences of the upload page. */
export interface UploadTexts {
  /** `lang` of the page. */
  lang: string
  title: Record<'image' | 'mask', string>
  /** @param megabytes of the largest file */
  limits(megabytes: string): string
  drop: string
  pick: string
  paste: string
  uploading: string
  done: string
  next: string
  copy: string
  copied: string
  failed: string
  key: string
  keyHint: string
  closed: string
  closedHint: string
}

const en: UploadTexts = {
  lang: 'en',
  title: { image: 'Upload an image', mask: 'Upload a mask' },
  limits: (megabytes) => `PNG, JPEG, WebP or GIF, at most ${megabytes} MB. The address takes one image.`,
  drop: 'Drop the image here',
  pick: 'Choose a file',
  paste: 'or paste it with Ctrl+V (⌘V)',
  uploading: 'Uploading…',
  done: 'Uploaded. The id of the image:',
  next: 'Go back to the chat: it knows this id already.',
  copy: 'Copy',
  copied: 'Copied',
  failed: 'The connection failed. Try again.',
  key: 'Your API key',
  keyHint:
    'Enter the key with which your chat reaches this service, so that no one else sends images in your name. It is not stored.',
  closed: 'This upload address cannot be used',
  closedHint: 'It has been used, has expired, or is mistyped. Ask in the chat for a new one.',
}

const zh: UploadTexts = {
  lang: 'zh-CN',
  title: { image: '上传图片', mask: '上传蒙版' },
  limits: (megabytes) => `PNG、JPEG、WebP 或 GIF，最大 ${megabytes} MB。此地址只接收一张图片。`,
  drop: '将图片拖放到这里',
  pick: '选择文件',
  paste: '或用 Ctrl+V（⌘V）粘贴',
  uploading: '正在上传…',
  done: '上传完成。图片的 id：',
  next: '请回到对话：它已经知道这个 id。',
  copy: '复制',
  copied: '已复制',
  failed: '连接失败，请重试。',
  key: '您的 API 密钥',
  keyHint: '请输入您的对话客户端访问本服务所用的密钥，以免他人以您的名义上传图片。密钥不会被保存。',
  closed: '此上传地址无法使用',
  closedHint: '它已被使用、已过期，或有误。请在对话中请求新的地址。',
}

/** @param accepted the header `Accept-Language` */
export function uploadTextsFor(accepted: string | undefined): UploadTexts {
  return prefersChinese(accepted) ? zh : en
}
