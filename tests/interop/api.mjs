// The tutorial's API: Express with `express-oauth2-jwt-bearer` in front, and no error handler of its own, so that
// errors come as Express makes them (HTML with a stack trace).

import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';

export const scope = 'read:messages';

export function createApi({ issuer, audience }) {
  const api = express();
  const authenticated = auth({ issuerBaseURL: issuer, audience });
  api.get('/api/public', (req, res) => {
    res.json({ message: 'Hello from a public endpoint.' });
  });
  api.get('/api/private', authenticated, (req, res) => {
    res.json({ message: 'Hello from a private endpoint.' });
  });
  api.get('/api/private-scoped', authenticated, requiredScopes(scope), (req, res) => {
    res.json({ message: 'Hello from a private endpoint with the scope.' });
  });
  return api;
}
