// The npm package `oidc-provider` as an application would set it up: defaults wherever there are any, and no
// allowance made for the client that is tested against it.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';
import { interactions } from './interactions.mjs';
import { find } from './users.mjs';

/** One public native client for each algorithm of ID tokens. */
export const clients = { RS256: 'interop-native', ES256: 'interop-native-es256' };

function signingKey(type, options, alg) {
  const jwk = generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
  return { ...jwk, use: 'sig', alg };
}

/** `resource` is the API's identifier, `scope` all that the API knows. */
export function createProvider(issuer, { resource, scope }) {
  const provider = new Provider(issuer, {
    jwks: {
      keys: [
        signingKey('rsa', { modulusLength: 2048 }, 'RS256'),
        signingKey('ec', { namedCurve: 'P-256' }, 'ES256'),
      ],
    },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    clients: Object.entries(clients).map(([alg, id]) => ({
      client_id: id,
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: alg,
      redirect_uris: ['http://127.0.0.1/callback'],
      post_logout_redirect_uris: ['http://127.0.0.1/logged-out'],
    })),
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'] },
    findAccount(ctx, name) {
      return find(name) && {
        accountId: name,
        claims: () => ({ sub: name, name: name.toUpperCase(), preferred_username: name }),
      };
    },
    rotateRefreshToken: true,
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(ctx, identifier) {
          if (identifier !== resource) {
            throw new Error(`no such resource: ${identifier}`);
          }
          return { scope, audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
        },
      },
    },
    ttl: {
      AccessToken: 300,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 3600,
      Session: 3600,
    },
  });
  interactions(provider);
  return provider;
}
