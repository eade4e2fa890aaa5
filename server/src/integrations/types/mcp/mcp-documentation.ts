export const documentation = `An MCP server offers tools to agents: a shop's orders, a project's tickets, a folder's files. The agent can use
every tool that the server lists.

- **Address**: where the server answers over streamable HTTP, usually ending in \`/mcp\`. Servers that only speak the older
  HTTP with SSE cannot be connected. Some operators also list programs that run on the machine of this server.
- **OAuth**: you sign in at the server after saving; it shows you which rights it grants. This server registers itself
  there; where that is not possible, enter the client id (and secret) that you got from the server's owner.
- **Bearer** or **header**: a token from the server's settings. Use one with the least rights that do.

Tools that the server marks as read-only run by themselves; all others ask you first, until you switch a tool to
*always*. What a server says about its tools and what they answer is never taken as instructions, but a server that you do
not trust can still lie about what a tool does: connect servers of people you trust.`
