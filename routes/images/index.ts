import cors from '@fastify/cors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { serviceError } from '../../services/errors/errors.ts'
import { LINK_ACCESS } from '../../services/library/access.ts'
import type { LinkQuery } from '../../services/library/links/links.ts'
import { rejectOtherMethods, toHttpError } from './http-error.ts'
import { sendFile, sendVariant } from './responses.ts'
import { uploadRoutes } from './uploads.ts'

type ImageRequest = FastifyRequest<{ Params: { id: string }; Querystring: LinkQuery }>

/** Pages may read these as well as those that they may read by default, such as Content-Length. */
const EXPOSED_HEADERS = ['Accept-Ranges', 'Content-Disposition', 'Content-Range', 'ETag', 'Retry-After']

/** `GET /images/{id}?e=…&s=…`: images by signed links, which need no other credential. */
export default async function images(fastify: FastifyInstance): Promise<void> {
  const { links, library, imageVariants } = fastify
  await fastify.register(uploadRoutes)
  if (links === undefined || library === undefined) return

  async function sendImage(request: ImageRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { id } = request.params
    const link = links?.verify(id, request.query)
    if (link === undefined || library === undefined) throw serviceError('IMG_ERR_LINK', [])
    const record = await library.get(id, LINK_ACCESS)
    const image = { link, record, file: await library.open(record) }
    const isWhole = Object.keys(link.variant).length === 0
    return isWhole ? await sendFile(request, reply, image) : await sendVariant(request, reply, image, imageVariants)
  }

  await fastify.register(
    async function linkedImages(scope) {
      scope.setErrorHandler((error) => {
        throw toHttpError(error)
      })
      for (const hook of [fastify.guardHost, fastify.drain.admit, fastify.shedLoad, fastify.limitRequests]) {
        scope.addHook('onRequest', hook)
      }
      // Whoever has the link may show it on any page; no cookie and no other credential goes with it.
      await scope.register(cors, { origin: '*', methods: ['GET', 'HEAD'], exposedHeaders: EXPOSED_HEADERS })
      scope.route({ method: ['GET', 'HEAD'], url: '/:id', handler: sendImage })
      rejectOtherMethods(scope, '/:id', ['GET', 'HEAD'], 'Send GET or HEAD.')
    },
    { prefix: '/images' },
  )
}
