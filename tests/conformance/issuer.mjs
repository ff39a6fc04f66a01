// A small OpenID provider for tests. Usage: node issuer.mjs; prints `issuer on URL`. It signs in at once, as the person and in
// the way that the last call of /as?… has set, hostile ways included. It ends with its standard input.
import { createServer } from 'node:http'
import { createHash, createHmac, createSign, generateKeyPairSync, randomUUID } from 'node:crypto'

const makeKey = (kid) => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid, privateKey, shown: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } }
}
const coded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const foreign = makeKey('first')
let key = makeKey('first')
let how = new URLSearchParams()
const codes = new Map()
const asked = {}

function idToken(issuer, { client, nonce }) {
  const now = Number(how.get('now') ?? Date.now() / 1000) + Number(how.get('late') ?? 0)
  const claims = { iss: how.get('iss') ?? issuer, sub: 'person', aud: client, exp: now + 300, iat: now, nonce: how.get('nonce') ?? nonce }
  if (how.has('aud')) claims.aud = how.get('aud').split(',').map((one) => one === 'own' ? client : one)
  if (how.has('azp')) claims.azp = how.get('azp')
  if (how.has('authTime')) claims.auth_time = now + Number(how.get('authTime'))
  if (how.has('noNonce')) delete claims.nonce
  if (!how.has('userinfo')) Object.assign(claims, person())
  const alg = how.get('alg') ?? 'RS256'
  const header = alg === 'none' ? { alg } : { alg, kid: how.get('kid') ?? key.kid }
  const signed = `${coded(header)}.${coded(claims)}`
  if (alg === 'none') return `${signed}.`
  if (alg === 'HS256') return `${signed}.${createHmac('sha256', how.get('secret')).update(signed).digest('base64url')}`
  const signer = how.has('forged') ? foreign.privateKey : key.privateKey
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(signer).toString('base64url')}`
}

function person() {
  const claims = { email: how.get('email') }
  if (how.get('verified') !== 'absent') claims.email_verified = how.get('verified') === 'text' ? 'true' : how.get('verified') !== 'false'
  return claims
}

const server = createServer(async (request, response) => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const url = new URL(request.url, issuer)
  const query = url.searchParams
  asked[url.pathname] = (asked[url.pathname] ?? 0) + 1
  const json = (value, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(value))
  }
  if (url.pathname === '/as') {
    how = query
    if (how.has('rotate')) key = makeKey(how.get('rotate'))
    return json({})
  }
  if (url.pathname === '/asked') return json(asked)
  if (url.pathname === '/.well-known/openid-configuration') {
    if (how.has('down')) return json({}, 500)
    if (how.has('silent')) return
    if (how.has('long')) return json({ issuer, padding: 'x'.repeat(1_000_000) })
    if (how.has('moved')) {
      response.writeHead(302, { location: `${issuer}/elsewhere` })
      return response.end()
    }
    return json({
      issuer: how.get('metadataIssuer') ?? issuer,
      authorization_endpoint: how.get('authorize') ?? `${issuer}/authorize`,
      token_endpoint: how.get('token') ?? `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: (how.get('algs') ?? 'RS256,HS256,none').split(','),
    })
  }
  if (url.pathname === '/jwks') return json({ keys: [key.shown] })
  if (url.pathname === '/userinfo') return json({ sub: how.get('userinfo') ?? 'person', ...person() })
  if (url.pathname === '/authorize') {
    const code = randomUUID()
    codes.set(code, { client: query.get('client_id'), nonce: query.get('nonce'), challenge: query.get('code_challenge') })
    const back = new URL(query.get('redirect_uri'))
    back.searchParams.set('code', code)
    back.searchParams.set('state', query.get('state'))
    response.writeHead(302, { location: back.href })
    return response.end()
  }
  if (url.pathname !== '/token') return json({}, 404)
  let body = ''
  for await (const part of request) body += part
  const sent = new URLSearchParams(body)
  const known = codes.get(sent.get('code'))
  codes.delete(sent.get('code'))
  const challenge = createHash('sha256').update(sent.get('code_verifier') ?? '').digest('base64url')
  const basic = `Basic ${Buffer.from('hoursmith:secret').toString('base64')}`
  if (request.headers.authorization !== basic) return json({ error: 'invalid_client' }, 401)
  if (!known || known.challenge !== challenge) return json({ error: 'invalid_grant' }, 400)
  json({ access_token: randomUUID(), token_type: 'Bearer', expires_in: 300, id_token: idToken(issuer, known) })
})
server.listen(0, '127.0.0.1', () => console.log(`issuer on http://127.0.0.1:${server.address().port}`))
process.stdin.on('end', () => process.exit(0)).resume()
