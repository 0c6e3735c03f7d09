/** Pages of the guide in the order of the sidebar; a link is the path of a page without `.md`. */
export const GUIDE = [
  {
    text: 'Start',
    items: [
      { text: 'Getting started', link: '/getting-started' },
      {
        text: 'Migrating from a hand-written endpoint',
        link: '/migrating',
      },
    ],
  },
  {
    text: 'Guide',
    items: [
      { text: 'Handlers', link: '/handlers' },
      { text: 'Events', link: '/events' },
      { text: 'Configuration', link: '/configuration' },
      { text: 'Testing', link: '/testing' },
      { text: 'Command line', link: '/command-line' },
      { text: 'Recipes', link: '/recipes' },
    ],
  },
  {
    text: 'Inboxes',
    items: [
      { text: 'Choosing an inbox', link: '/inboxes/' },
      { text: 'Memory', link: '/inboxes/memory' },
      { text: 'LMDB', link: '/inboxes/lmdb' },
      { text: 'PostgreSQL', link: '/inboxes/postgres' },
      { text: 'BullMQ', link: '/inboxes/bullmq' },
      { text: 'Custom inbox', link: '/inboxes/custom' },
      { text: 'Delivery guarantees', link: '/delivery-guarantees' },
    ],
  },
  {
    text: 'Operation',
    items: [
      { text: 'Deployment', link: '/deployment' },
      { text: 'Monitoring', link: '/monitoring' },
      { text: 'Inspector', link: '/inspector' },
      { text: 'Security', link: '/security' },
      { text: 'Privacy', link: '/privacy' },
      { text: 'Performance', link: '/performance' },
      { text: 'Upgrading', link: '/upgrading' },
      { text: 'Troubleshooting', link: '/troubleshooting' },
    ],
  },
];
