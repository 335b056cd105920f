// Upload a file with tus-js-client: node tus_upload.mjs MODULES ENDPOINT KEY FILE
// Prints, as JSON, what was sent: the upload's address, the image's id, and how often it was tried again.
import { createRequire } from 'node:module'
import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'

const [modules, endpoint, key, file] = process.argv.slice(2)
const tus = createRequire(`${modules}/`)('tus-js-client')

let imageId = null
let tries = 0
const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  headers: { 'X-API-Key': key },
  metadata: { filename: basename(file), filetype: 'image/tiff' },
  uploadSize: statSync(file).size,
  retryDelays: Array(30).fill(20),
  onShouldRetry: () => { tries += 1; return true },
  onAfterResponse: (_, response) => { imageId = response.getHeader('Imagemill-Image-Id') ?? imageId },
  onError: (error) => { console.error(String(error)); process.exit(1) },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, imageId, tries })),
})
upload.start()
