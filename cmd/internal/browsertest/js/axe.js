axe.run(document, {resultTypes: ['violations'], ...(%s ? {runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}} : {})}).then(result => result.violations
  .filter(v => v.impact === 'serious' || v.impact === 'critical')
  .flatMap(v => v.nodes.slice(0, 5).map(n => `axe: ${v.id} (${v.impact}): ${n.target.join(' ')}: ${(n.any[0] ?? n.all[0] ?? n.none[0])?.message ?? v.help}`)))
