// The provider's two pages, login and consent: plain forms, no script.

import { check, find } from './users.mjs';

const page = (title, body) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body><h1>${title}</h1>
${body}
</body></html>`;

const loginPage = (action, complaint) => page('Log in', `${complaint && `<p role="alert">${complaint}</p>`}
<form method="post" action="${action}/login">
<label>Name <input name="name" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Log in</button>
</form>`);

const consentPage = (action) => page('Allow access', `<p>The app asks to act for you.</p>
<form method="post" action="${action}/consent">
<button name="answer" value="allow">Allow</button>
<button name="answer" value="deny">Deny</button>
</form>`);

async function form(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

/** Notes in the grant what the person allowed: of the API's scopes only those that are the person's to give. */
async function grant(provider, { grantId, session, params, prompt: { details } }) {
  const grant = (grantId && await provider.Grant.find(grantId))
    || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (details.missingOIDCScope) grant.addOIDCScope(details.missingOIDCScope.join(' '));
  if (details.missingOIDCClaims) grant.addOIDCClaims(details.missingOIDCClaims);
  const mine = find(session.accountId).scopes;
  for (const [indicator, scopes] of Object.entries(details.missingResourceScopes ?? {})) {
    grant.addResourceScope(indicator, scopes.filter((scope) => mine.includes(scope)).join(' '));
    grant.rejectResourceScope(indicator, scopes.filter((scope) => !mine.includes(scope)).join(' '));
  }
  return grant.save();
}

/** What the person's answer to a page means; undefined if the page is to be shown again. */
async function answer(provider, details, step, fields) {
  if (step === 'login') {
    const user = check(fields.get('name'), fields.get('password'));
    return user && { login: { accountId: user.name } };
  }
  if (fields.get('answer') !== 'allow') {
    return { error: 'access_denied', error_description: 'the person said no' };
  }
  return { consent: { grantId: await grant(provider, details) } };
}

export function interactions(provider) {
  provider.use(async (ctx, next) => {
    const [, uid, step] = /^\/interaction\/([\w-]+)(?:\/(login|consent))?$/.exec(ctx.path) ?? [];
    if (!uid) return next();

    const details = await provider.interactionDetails(ctx.req, ctx.res);
    const show = (complaint = '') => {
      ctx.type = 'html';
      ctx.set('Cache-Control', 'no-store');
      ctx.body = details.prompt.name === 'login'
        ? loginPage(`/interaction/${uid}`, complaint)
        : consentPage(`/interaction/${uid}`);
    };
    if (ctx.method === 'GET' && !step) return show();
    if (ctx.method !== 'POST' || step !== details.prompt.name) return ctx.throw(400);

    const result = await answer(provider, details, step, await form(ctx.req));
    if (!result) return show('Wrong name or password.');
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: !result.error }));
    ctx.status = 303;
  });
}
