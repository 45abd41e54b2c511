/** The API group of Posthouse's kinds. */
export const group = "posthouse.dev";

/** The one version that is served and stored. */
export const version = "v1alpha1";
