"""What Jira, Confluence and their SSO plugins have in common."""
