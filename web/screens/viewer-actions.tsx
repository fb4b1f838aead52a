import { useState } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import { Dialog } from '../parts/dialog.tsx'
import { has, type Studio } from '../studio.ts'
import { downloadImage } from './download-image.ts'
import { galleryOf } from './gallery-store.ts'
import { versionBefore } from './version-before.ts'

/** What can be done with an image. What the service or the host cannot do is not offered. */
export function ViewerActions({ studio, image }: { studio: Studio; image: StudioImage }) {
  const { texts, data, navigate, abilities } = studio
  const { viewer } = texts
  const { id } = image
  const [link, setLink] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  const [isAsking, setAsking] = useState(false)
  const other = image.parents[0] ?? data.seen.find((each) => each.id !== id)?.id
  const compare = async () => {
    const before = (await versionBefore(data, image)) ?? other
    if (before !== undefined) navigate({ name: 'compare', before, after: id })
  }

  const download = async () => {
    setBusy(true)
    studio.announce(viewer.downloading)
    setLink(await downloadImage(studio, image).catch((error) => void studio.fail(error)))
    setBusy(false)
  }
  return (
    <div class="viewer-actions">
      <div class="actions">
        {has(studio, 'edit_image') && (
          <button type="button" class="primary" onClick={() => navigate({ name: 'edit', id })}>
            {viewer.edit}
          </button>
        )}
        {other !== undefined && (
          <button type="button" onClick={compare}>
            {viewer.compare}
          </button>
        )}
        <button type="button" onClick={() => navigate({ name: 'history', id })}>
          {viewer.history}
        </button>
        <ChatButtons studio={studio} image={image} />
        <button type="button" disabled={isBusy} onClick={download}>
          {isBusy ? viewer.downloading : viewer.download}
        </button>
        {has(studio, 'delete_image') && image.isOwn && (
          <button type="button" class="danger" onClick={() => setAsking(true)}>
            {viewer.remove}
          </button>
        )}
      </div>
      {link !== undefined && (
        <label>
          {viewer.link}
          <input
            type="text"
            readOnly
            value={link}
            ref={(field) => field?.focus()}
            onFocus={({ currentTarget }) => currentTarget.select()}
          />
        </label>
      )}
      {abilities.updateModelContext !== undefined && <p class="soft">{viewer.usedInChat}</p>}
      {isAsking && <DeleteDialog studio={studio} image={image} onClose={() => setAsking(false)} />}
    </div>
  )
}

function ChatButtons({ studio, image }: { studio: Studio; image: StudioImage }) {
  const { texts, abilities, notify, fail } = studio
  const { viewer } = texts
  const mention = () => abilities.sendMessage?.(viewer.mentionText(image.id)).then(() => notify(viewer.mentioned), fail)
  return (
    <>
      {abilities.updateModelContext !== undefined && (
        <button
          type="button"
          onClick={() => {
            studio.select(image)
            notify(viewer.usedInChat)
          }}
        >
          {viewer.useInChat}
        </button>
      )}
      {abilities.sendMessage !== undefined && (
        <button type="button" onClick={mention}>
          {viewer.mention}
        </button>
      )}
    </>
  )
}

function DeleteDialog({ studio, image, onClose }: { studio: Studio; image: StudioImage; onClose(): void }) {
  const { texts, data, bitmaps, back, notify, fail } = studio
  const [isBusy, setBusy] = useState(false)
  const remove = async () => {
    setBusy(true)
    try {
      await data.deleteImage(image.id)
      bitmaps.forget(image.id)
      galleryOf(studio).remove(image.id)
      onClose()
      back()
      notify(texts.viewer.removed)
    } catch (error) {
      onClose()
      fail(error)
    }
  }
  return (
    <Dialog title={texts.viewer.removeTitle} onClose={isBusy ? undefined : onClose}>
      <p>{texts.viewer.removeText}</p>
      <div class="actions">
        <button type="button" disabled={isBusy} onClick={onClose}>
          {texts.app.cancel}
        </button>
        <button type="button" class="danger" disabled={isBusy} onClick={remove}>
          {texts.viewer.remove}
        </button>
      </div>
    </Dialog>
  )
}
