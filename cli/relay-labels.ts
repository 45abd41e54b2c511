/** Labels of the pods that are taken for relays where nobody says more. */
export const relayLabels = "app.kubernetes.io/component=relay";
