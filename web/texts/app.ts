import { bilingual } from './bilingual.ts'

/** What the chat's model is told of the selected image, in the language of descriptions of tools. */
const selected = (id: string, facts: string) =>
  `The user has selected the image ${id} in the studio (${facts}). "This image" means it: pass "image": "${id}" to edit_image.`

/** What is around the screens, and what several of them say. */
export const appTexts = bilingual(
  {
    title: 'Image studio',
    back: 'Back',
    close: 'Close',
    cancel: 'Cancel',
    retry: 'Try again',
    loading: 'Loading…',
    gallery: 'Gallery',
    generate: 'New image',
    fullscreen: 'Full screen',
    inline: 'Leave full screen',
    /** Of the whole studio. */
    crashed: 'The studio has stopped because of an error. Your images are stored. Open the studio again.',
    /** Of the browser. */
    tooOld: 'This browser or app is too old for the studio. Update it.',
    reopen: 'Open again',
    notConnected: 'The app around the studio does not respond. Close the studio and open it again.',
    startFailed: 'The studio cannot start.',
    /** An image in words, for screen readers. */
    imageLabel: (prompt: string | undefined, size: string) =>
      prompt === undefined ? `Image, ${size}` : `Image: ${prompt} (${size})`,
    imageFailed: 'The image cannot be shown.',
    selected,
    errors: {
      rejected: 'The service rejected this.',
      offline:
        'The service cannot be reached. Check your connection and try again. An image that was paid for is not paid again.',
      unauthorized: 'The service needs an API key.',
      forbidden: 'The service does not allow this. Ask its operator.',
      rateLimited: (seconds: number | undefined) =>
        seconds === undefined
          ? 'Too many calls. Wait a moment and try again.'
          : `Too many calls. Try again in ${seconds} s.`,
      unavailable: (seconds: number | undefined) =>
        seconds === undefined
          ? 'The service is busy. Wait a moment and try again.'
          : `The service is busy. Try again in ${seconds} s.`,
      unsupported:
        'This app does not pass on what the studio needs of its service. Update the app, or open the studio in a browser: its address ends with /studio.',
      protocol:
        'The studio cannot read what the service or this app sent. Open the studio again; if that does not help, tell the operator.',
    },
    key: {
      title: 'API key',
      missing: 'The service needs an API key. It stays in the memory of this page and is stored nowhere.',
      wrong: 'The service rejected this key. Check it and enter it again.',
      tokens:
        'This service also takes access tokens of its sign-in provider. Get one there and enter it here, or ask the operator for an API key.',
      label: 'API key',
      enter: 'Use this key',
    },
    quote: {
      unknown: 'The price is shown here before you pay.',
      price: (usd: string) => `About ${usd}`,
      noPrice: 'Price unknown',
      quality: (quality: string) => (quality === 'auto' ? 'the model chooses the quality' : `quality ${quality}`),
      images: (count: number) => (count === 1 ? '1 image' : `${count} images`),
      startsNow: 'starts at once',
      startsIn: (time: string) => `starts in about ${time}`,
    },
    progress: {
      sending: 'Sending…',
      queued: (rest: string | undefined) =>
        rest === undefined ? 'Waiting for its turn.' : `Waiting for its turn. About ${rest} until the image is ready.`,
      running: (rest: string | undefined) => (rest === undefined ? 'Generating…' : `Generating… about ${rest} to go.`),
      offline: 'The service cannot be asked at the moment. The image is still being generated; trying again…',
      done: 'Done.',
      cancel: 'Cancel',
      lost: 'No response arrived for your last submission. Send it again: if it did arrive, you get its images and pay nothing more.',
      resend: 'Send again',
    },
    cost: {
      title: 'Confirm the price',
      price: (usd: string) => `This call costs about ${usd}.`,
      unknown: 'The price of this call is not known.',
      agree: 'Pay and generate',
    },
  },
  {
    title: '图像工作室',
    back: '返回',
    close: '关闭',
    cancel: '取消',
    retry: '重试',
    loading: '正在加载…',
    gallery: '图库',
    generate: '新建图片',
    fullscreen: '全屏',
    inline: '退出全屏',
    crashed: '图像工作室出错，已停止。您的图片已保存。请重新打开图像工作室。',
    tooOld: '此浏览器或应用的版本过旧，无法打开图像工作室。请更新。',
    reopen: '重新打开',
    notConnected: '承载图像工作室的应用没有响应。请关闭图像工作室后重新打开。',
    startFailed: '图像工作室无法启动。',
    imageLabel: (prompt, size) => (prompt === undefined ? `图片，${size}` : `图片：${prompt}（${size}）`),
    imageFailed: '无法显示该图片。',
    selected,
    errors: {
      rejected: '服务拒绝了此操作。',
      offline: '无法连接服务。请检查网络后重试。已付费的图片不会重复收费。',
      unauthorized: '服务需要 API 密钥。',
      forbidden: '服务不允许此操作。请联系管理员。',
      rateLimited: (seconds) =>
        seconds === undefined ? '调用过于频繁，请稍后重试。' : `调用过于频繁，请在 ${seconds} 秒后重试。`,
      unavailable: (seconds) =>
        seconds === undefined ? '服务繁忙，请稍后重试。' : `服务繁忙，请在 ${seconds} 秒后重试。`,
      unsupported:
        '此应用没有转发图像工作室所需的服务数据。请更新应用，或在浏览器中打开图像工作室（地址以 /studio 结尾）。',
      protocol: '图像工作室无法读取服务或此应用发送的内容。请重新打开图像工作室；如仍无效，请联系管理员。',
    },
    key: {
      title: 'API 密钥',
      missing: '服务需要 API 密钥。密钥只保留在本页面的内存中，不会存储。',
      wrong: '服务拒绝了该密钥。请检查后重新输入。',
      tokens: '该服务也接受其登录提供方签发的访问令牌。请在那里获取并在此输入，或向管理员索取 API 密钥。',
      label: 'API 密钥',
      enter: '使用此密钥',
    },
    quote: {
      unknown: '付费前会在此显示价格。',
      price: (usd) => `约 ${usd}`,
      noPrice: '价格未知',
      quality: (quality) => (quality === 'auto' ? '质量由模型决定' : `质量 ${quality}`),
      images: (count) => `${count} 张图片`,
      startsNow: '立即开始',
      startsIn: (time) => `约 ${time}后开始`,
    },
    progress: {
      sending: '正在发送…',
      queued: (rest) => (rest === undefined ? '正在排队。' : `正在排队，约 ${rest}后完成。`),
      running: (rest) => (rest === undefined ? '正在生成…' : `正在生成…约剩 ${rest}。`),
      offline: '暂时无法查询服务。图片仍在生成，正在重试…',
      done: '已完成。',
      cancel: '取消',
      lost: '上次提交没有收到响应。请重新发送：如果提交已送达，您会得到其图片，不会重复付费。',
      resend: '重新发送',
    },
    cost: {
      title: '确认价格',
      price: (usd) => `此次调用约需 ${usd}。`,
      unknown: '此次调用的价格未知。',
      agree: '付费并生成',
    },
  },
)
